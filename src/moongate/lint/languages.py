"""Which language a file is in, by its name, and which files are not worth reading."""

from __future__ import annotations

import re

LARGEST = 2 * 1024 * 1024  # bytes; what is larger was written by a machine

_SUFFIXES = {
    "py": "python", "pyi": "python", "pyw": "python",
    "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript",
    "ts": "javascript", "tsx": "javascript", "mts": "javascript", "cts": "javascript",
    "vue": "markup", "svelte": "markup", "astro": "markup", "html": "markup", "htm": "markup",
    "sh": "shell", "bash": "shell", "zsh": "shell", "fish": "shell", "ksh": "shell",
    "json": "json", "jsonc": "json", "json5": "json", "jsonl": "json", "ndjson": "json",
    "yaml": "yaml", "yml": "yaml",
    "toml": "toml",
    "env": "env",
    "ini": "ini", "cfg": "ini", "conf": "ini", "properties": "ini",
    "md": "markdown", "markdown": "markdown", "mdx": "markdown", "qmd": "markdown",
    "ipynb": "notebook",
    "go": "go", "java": "java", "kt": "kotlin", "kts": "kotlin", "rs": "rust", "php": "php", "rb": "ruby",
    "cs": "csharp", "swift": "swift", "scala": "kotlin", "dart": "dart", "groovy": "kotlin", "gradle": "kotlin",
    "dockerfile": "docker", "containerfile": "docker",
}  # fmt: skip
_NAMES = {
    "dockerfile": "docker", "containerfile": "docker",
    ".env": "env", ".envrc": "shell", ".bashrc": "shell", ".zshrc": "shell", ".profile": "shell",
    "rakefile": "ruby", "gemfile": "ruby",
    "makefile": "make", "gnumakefile": "make", "justfile": "make",
    "pipfile": "toml", ".babelrc": "json", ".npmrc": "ini", ".editorconfig": "ini",
}  # fmt: skip
_SHEBANG = re.compile(rb"#!.*?\b(python|node|deno|bun|bash|zsh|sh|ruby|php)")
_SHEBANGS = {
    b"python": "python", b"node": "javascript", b"deno": "javascript", b"bun": "javascript", b"ruby": "ruby",
    b"php": "php",
}  # fmt: skip

# Folders that hold other people's code, or what a tool made.
FOREIGN_FOLDERS = frozenset(
    "node_modules bower_components vendor vendored third_party third-party site-packages dist-packages"
    " __pycache__ .git .hg .svn .tox .nox .venv venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .next .nuxt"
    " .svelte-kit .terraform .gradle .idea .eggs dist build target coverage htmlcov".split()
)
_FOREIGN_NAMES = re.compile(
    r"(?:\.min\.(?:js|mjs|css)|\.bundle\.js|\.map|\.lock|\.lockb|\.snap|_pb2(?:_grpc)?\.pyi?|\.pb\.go|\.g\.dart"
    r"|\.pyc|\.so|\.png|\.jpe?g|\.gif|\.pdf|\.zip|\.gz|\.woff2?|\.ico|\.mp4|\.whl|\.gguf|\.parquet)$"
    r"|^(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|composer\.lock|go\.sum|cargo\.lock|gemfile\.lock"
    r"|changelog|changes|history|news|releases?|release[-_]notes)(?:\.(?:md|rst|txt))?$",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    rb"@generated\b|DO NOT EDIT|Code generated .{0,80}by|automatically generated|auto-?generated (?:file|by)",
    re.IGNORECASE,
)
_HEAD = 1000  # bytes in which a generated file says so


def is_foreign_name(name: str) -> bool:
    """Say whether a file's name says that a tool or somebody else made it, or that it is no source."""
    return _FOREIGN_NAMES.search(name) is not None


def is_generated(data: bytes) -> bool:
    """Say whether a file says of itself that a tool made it."""
    return _GENERATED.search(data, 0, _HEAD) is not None


def is_binary(data: bytes) -> bool:
    """Say whether the content is no text."""
    return b"\0" in data[:8192]


def may_be_ours(name: str) -> bool:
    """Say whether a file need be opened: its name tells a language, or has no ending and may begin with `#!`."""
    return "." not in name or language_of(name, b"") is not None


def language_of(name: str, data: bytes) -> str | None:
    """Return the language of a file, or None for one that is none of ours."""
    lower = name.lower()
    if lower in _NAMES:
        return _NAMES[lower]
    if lower.startswith((".env.", "dockerfile.", "containerfile.")):
        return "env" if lower.startswith(".env") else "docker"
    suffix = lower.rpartition(".")[2] if "." in lower else ""
    if suffix in ("example", "sample", "template", "dist", "tmpl", "tpl", "j2"):
        return language_of(name[: -len(suffix) - 1], data)
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if "." not in lower and data.startswith(b"#!") and (found := _SHEBANG.match(data)):
        return _SHEBANGS.get(found[1], "shell")
    return None
