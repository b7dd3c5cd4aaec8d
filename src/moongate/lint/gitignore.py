"""Which paths git ignores: `.gitignore` at every level, and `.git/info/exclude`, read as git reads them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One line. `match` takes a path relative to the folder that holds the file, with `/` between names."""

    match: re.Pattern[str]
    negated: bool
    folders_only: bool


def parsed(text: str) -> tuple[Pattern, ...]:
    """Return the patterns of a file, in its order: the last one that matches decides."""
    return tuple(pattern for line in text.splitlines() if (pattern := _pattern(line)) is not None)


@functools.lru_cache(maxsize=4096)
def _pattern(line: str) -> Pattern | None:
    line = re.sub(r"(?<!\\) +$", "", line.rstrip("\r\n"))
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    line = line[negated:]
    if line.startswith(("\\#", "\\!")):
        line = line[1:]
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    if not line:
        return None
    anchored = "/" in line
    expression = _expression(line.lstrip("/"))
    start = "" if anchored else "(?:.*/)?"
    try:
        compiled = re.compile(f"{start}{expression}", re.DOTALL)
    except re.error:
        return None
    return Pattern(match=compiled, negated=negated, folders_only=folders_only)


def _expression(glob: str) -> str:
    out, at = [], 0
    while at < len(glob):
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif glob.startswith("/**", at) and at + 3 == len(glob):
            out.append("/.*")
            at += 3
        elif glob[at] == "*":
            while at < len(glob) and glob[at] == "*":
                at += 1
            out.append("[^/]*")
        elif glob[at] == "?":
            out.append("[^/]")
            at += 1
        elif glob[at] == "[" and "]" in glob[at + 2 :]:
            close = glob.index("]", at + 2)
            inner = glob[at + 1 : close].replace("\\", "\\\\")
            out.append(f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]")
            at = close + 1
        else:
            at += glob[at] == "\\" and at + 1 < len(glob)
            out.append(re.escape(glob[at]))
            at += 1
    return "".join(out)


@dataclass(frozen=True, kw_only=True)
class Ignores:
    """The patterns that hold in one folder: its own and those of the folders above, nearest last."""

    levels: tuple[tuple[str, tuple[Pattern, ...]], ...] = ()  # (path of the folder with a slash at its end, patterns)

    def within(self, folder: str, text: str | None) -> Ignores:
        """Return what holds in a folder whose own file says `text`."""
        if not text:
            return self
        patterns = parsed(text)
        return Ignores(levels=(*self.levels, (folder.rstrip("/") + "/", patterns))) if patterns else self

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Say whether a path is ignored; the nearest file, and in it the last pattern that matches, decides."""
        for folder, patterns in reversed(self.levels):
            relative = path[len(folder) :] if path.startswith(folder) else path
            for pattern in reversed(patterns):
                if (is_folder or not pattern.folders_only) and pattern.match.fullmatch(relative):
                    return not pattern.negated
        return False


def above(folder: Path, *, within: bool = False) -> Ignores:
    """Return what holds in a folder because of its repository's exclude file and the files above it.

    With `within` the folder's own file counts too.
    """
    folder = folder.resolve()
    chain = [folder, *folder.parents]
    top = next((n for n, path in enumerate(chain) if (path / ".git").exists()), None)
    if top is None:
        return Ignores()
    ignores = Ignores()
    root = chain[top]
    ignores = ignores.within(str(root), text_of(root / ".git" / "info" / "exclude"))
    for path in reversed(chain[0 if within else 1 : top + 1]):
        ignores = ignores.within(str(path), text_of(path / ".gitignore"))
    return ignores


def text_of(path: Path) -> str | None:
    """Return a file's text, None when it cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return None
