"""The files to look at: what is named, and what lies below it, without what git ignores and what others made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from moongate.errors import UsageError
from moongate.lint import gitignore
from moongate.lint.languages import FOREIGN_FOLDERS, is_foreign_name


def files(paths: Iterable[str], *, exclude: tuple[str, ...] = (), gitignored: bool = False) -> Iterator[str]:
    """Yield the files below the paths, each once, in the order of their names.

    A file that is named itself is always looked at. `exclude` holds patterns as in a .gitignore, from the working
    directory; with `gitignored` what git ignores is looked at too. Raises UsageError for a path that is not there.
    """
    here = str(Path.cwd())
    excluded = gitignore.Ignores().within(here, "\n".join(exclude))
    seen: set[str] = set()
    nothing = gitignore.Ignores()
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(
                f"There is no file or folder {path!r}.", advice="Name what to lint, or nothing for all of it."
            )
        named = excluded.ignores(str(Path(path).resolve()), is_folder=True)  # what is named is meant, excluded or not
        found = _below(path, nothing if named else excluded, gitignored) if os.path.isdir(path) else iter((path,))  # noqa: PTH112
        for file in found:
            if file not in seen:
                seen.add(file)
                yield file


def _below(top: str, excluded: gitignore.Ignores, gitignored: bool) -> Iterator[str]:
    start = Path(top).resolve()
    ignores = gitignore.Ignores() if gitignored else gitignore.above(start)
    waiting = [(top, str(start), ignores)]
    while waiting:
        shown, real, ignores = waiting.pop()
        folders, names = _entries(shown)
        if ".gitignore" in names and not gitignored:
            ignores = ignores.within(real, gitignore.text_of(Path(real, ".gitignore")))
        prefix = "" if shown == "." else shown.rstrip("/") + "/"
        plain = not ignores.levels and not excluded.levels
        for name in names:
            if not is_foreign_name(name) and (plain or not _ignored(f"{real}/{name}", ignores, excluded, False)):
                yield prefix + name
        waiting.extend(
            (prefix + name, f"{real}/{name}", ignores)
            for name in reversed(folders)
            if name not in FOREIGN_FOLDERS and (plain or not _ignored(f"{real}/{name}", ignores, excluded, True))
        )


def _ignored(path: str, ignores: gitignore.Ignores, excluded: gitignore.Ignores, is_folder: bool) -> bool:
    return ignores.ignores(path, is_folder=is_folder) or excluded.ignores(path, is_folder=is_folder)


def _entries(folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in a folder, sorted; links to folders are not followed."""
    folders, names = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_file():
                    names.append(entry.name)
    except OSError:
        return [], []
    return sorted(folders), sorted(names)
