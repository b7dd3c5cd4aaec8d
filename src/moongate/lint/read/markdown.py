"""Markdown: only its code blocks, each in its own language. A block that shows a mistake is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from moongate.lint.tree import Kind, Node, moved

_FENCE = re.compile(rb"^([ \t>]*)(`{3,}|~{3,})[ \t]*\{?\.?([\w+#.-]*)([^\n`]*)\n", re.MULTILINE)
_LANGUAGES = {
    "py": "python", "python3": "python", "ipython": "python", "js": "javascript", "jsx": "javascript",
    "ts": "javascript", "tsx": "javascript", "typescript": "javascript", "node": "javascript", "mjs": "javascript",
    "sh": "shell", "bash": "shell", "zsh": "shell", "curl": "shell", "fish": "shell", "powershell": "shell",
    "console": "session", "shell-session": "session", "terminal": "session", "shellsession": "session",
    "jsonc": "json", "json5": "json", "yml": "yaml", "dotenv": "env", "properties": "ini", "conf": "ini",
    "golang": "go", "kt": "kotlin", "rs": "rust", "rb": "ruby", "cs": "csharp", "c#": "csharp",
    "dockerfile": "docker", "compose": "yaml", "makefile": "make",
}  # fmt: skip
_MISTAKE = re.compile(
    rb"\b(?:wrong(?:ly)?|bad|avoid|incorrect(?:ly)?|mistakes?|broken|anti-?patterns?|not like this|legacy|outdated"
    rb"|(?:do not|don'?t|never|must not|should not|shouldn'?t) (?:do|use|write|send|copy|try|put|call|set)\b(?! to)"
    rb"|(?:this|it|that|which|these|what) (?:fails|breaks|will fail|does not work|doesn'?t work|won'?t work)"
    rb"|(?:will not|won'?t|does not|doesn'?t|no longer) works?|fails with|is (?:refused|rejected)|before(?= ?:?$)"
    rb"|old way)\b"
    rb"|\xe2\x9d\x8c|\xe2\x9c\x97|\xe2\x9c\x98|\xf0\x9f\x9a\xab|\xe2\x9b\x94",
    re.IGNORECASE | re.MULTILINE,
)
_GUESSES = (
    (re.compile(rb"\s*[{\[]"), "json"),
    (re.compile(rb"(?:^|\n)\s*(?:from \w[\w.]* import |import \w+\n|def \w+\()"), "python"),
    (re.compile(rb"(?:^|\n)\s*(?:const|let|import) .*[;{]"), "javascript"),
    (re.compile(rb"(?:^|\n)\s*\$ "), "session"),
    (re.compile(rb"(?:^|\n)\s*(?:curl|export|moongate|aider|llm|docker|npx|pip) "), "shell"),
    (re.compile(rb"(?:^|\n)[A-Z_]+=\S"), "env"),
    (re.compile(rb"(?:^|\n)[\w-]+:(?: |\n)"), "yaml"),
)
_PROMPT = re.compile(rb"^[ \t]*(?:\$|>|%)[ \t]+((?:[^\n\\]|\\\n|\\.)*)", re.MULTILINE)
_ABOVE = 240  # bytes before a block in which its text may call it a mistake

Reader = Callable[[bytes, str], Node]


def read(data: bytes, read_inner: Reader) -> Node:
    """Return the trees of all code blocks; `read_inner` reads one in a named language."""
    root = Node(Kind.SCOPE, 0, len(data), "module")
    at = 0
    while (opened := _FENCE.search(data, at)) is not None:
        closing = re.compile(rb"^[ \t>]*" + re.escape(opened[2]) + rb"[`~]*[ \t]*\r?$", re.MULTILINE)
        closed = closing.search(data, opened.end())
        end = closed.start() if closed else len(data)
        if not _shows_mistake(data, opened.start(), opened[4]):
            node = _block(
                data, opened.end(), end, opened[3].decode("utf-8", "replace").lower(), opened[1], read_inner
            )
            if node is not None:
                root.items.append(node)
        at = closed.end() if closed else end
    return root


def _shows_mistake(data: bytes, start: int, info: bytes) -> bool:
    """Say whether the line above a block, or what follows its language, says that this is how not to do it."""
    above = data[max(0, start - _ABOVE) : start].replace(b"\r", b"").rstrip()
    paragraph = above.rpartition(b"\n\n")[2].rpartition(b"```")[2]
    return _MISTAKE.search(paragraph) is not None or _MISTAKE.search(info) is not None


def _block(data: bytes, start: int, end: int, tag: str, indent: bytes, read_inner: Reader) -> Node | None:
    piece = data[start:end]
    places: list[int] | None = None
    if indent.strip() or indent:
        piece, places = _dedented(piece, indent)
    language = _LANGUAGES.get(tag, tag)
    if not tag:
        language = next((name for pattern, name in _GUESSES if pattern.search(piece)), "")
    if language == "session":
        piece, places = _typed(piece, places)
        language = "shell"
    node = read_inner(piece, language)
    if node is None:
        return None
    tree = moved(node, places) if places is not None else node
    tree = moved(tree, start)
    tree.name = "block"
    return tree


def _dedented(piece: bytes, indent: bytes) -> tuple[bytes, list[int]]:
    """Return a block in a list or a quotation as it is meant, and the place of each of its bytes."""
    out, at = bytearray(), 0
    places: list[int] = []
    for line in piece.splitlines(keepends=True):
        shared = 0
        while shared < min(len(indent), len(line)) and line[shared] in b" \t>":
            shared += 1
        out += line[shared:]
        places += range(at + shared, at + len(line))
        at += len(line)
    return bytes(out), [*places, len(piece)]


def _typed(piece: bytes, places: list[int] | None) -> tuple[bytes, list[int]]:
    """Return what was typed after the prompts of a session."""
    out = bytearray()
    kept: list[int] = []
    for found in _PROMPT.finditer(piece):
        out += found[1] + b"\n"
        kept += [places[n] if places else n for n in range(found.start(1), min(found.end(1) + 1, len(piece)))]
        if len(kept) < len(out):
            kept.append(kept[-1] if kept else 0)
    return bytes(out), [*kept, places[-1] if places else len(piece)]
