"""Configuration files: where they are found, what they may say, and which project files are trusted.

A project file arrives with somebody else's code. Until its user trusts it, it may choose among the built-in
providers, pin and tighten, and nothing that moves a key or loosens the guard.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from moongate.errors import ConfigError, StorageError, UntrustedProjectError
from moongate.facts.providers import built_in
from moongate.settings.lines import line_of, lines_of
from moongate.settings.options import BY_NAME, parsed
from moongate.store import project

PROJECT_FILE = "moongate.toml"
USER_FILE = "config.toml"
TRUST_FILE = "trusted.json"
TABLES = frozenset({"providers", "aliases", "prices", "gateway", "lint"})
MAX_BYTES = 1024 * 1024
LOCK_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """One file's settings, checked. `tables` holds what others read: providers, aliases, prices, gateway."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    trusted: bool = True  # what the user wrote or trusted, as against what came with somebody's code
    under: tuple[str, ...] = ()  # the table of the file that is ours: ("tool", "moongate"), or none

    @property
    def text(self) -> str:
        """The file as it is now, for the line on which something stands; "" when it is gone."""
        try:
            return self.path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return ""

    def line(self, *path: str) -> int | None:
        """Return the line of a setting, or of the nearest table around it, by its path below what is ours."""
        return line_of((*self.under, *path), lines_of(self.text))

    def place(self, *path: str) -> str:
        """Name where a setting stands: the file, and the line if it is found."""
        line = self.line(*path)
        return repr(str(self.path)) if line is None else f"{str(self.path)!r}, line {line}"


def find_project_file(start: Path, home: Path, *, uid: int | None = None) -> Path | None:
    """Return the nearest project file at or above `start`.

    Not above the repository's root or the home folder, and not in a folder that another user owns; `uid` is whose
    files count, this process's user's by default.
    """
    for folder in project.folders(start, home, uid=uid):
        found = _in_folder(folder)
        if found is not None:
            return found if project.belongs_to(found, uid) else None
    return None


def _in_folder(folder: Path) -> Path | None:
    if (folder / PROJECT_FILE).is_file():
        return folder / PROJECT_FILE
    pyproject = folder / "pyproject.toml"
    return pyproject if pyproject.is_file() and _names_us(pyproject) else None


def _names_us(pyproject: Path) -> bool:
    """Say whether a pyproject.toml has our table. One that never says our name is not ours to find fault with."""
    try:
        if b"moongate" not in pyproject.read_bytes():
            return False
    except OSError:
        return False
    return "moongate" in _tool(_tables(pyproject))


def _tool(data: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = data.get("tool")
    return tool if isinstance(tool, dict) else {}


def read(path: Path) -> ConfigFile:
    """Return what a file says. Raises ConfigError for TOML that is broken or a key that does not exist."""
    data = _tables(path)
    under = ("tool", "moongate") if path.name == "pyproject.toml" else ()
    if under:
        data = _table(_tool(data).get("moongate", {}), "tool.moongate", path)
    unknown = sorted(set(data) - set(BY_NAME) - TABLES)
    if unknown:
        raise ConfigError(
            f"{ConfigFile(path=path, under=under).place(unknown[0])} has the unknown setting {unknown[0]!r}.",
            advice=f"Known: {', '.join(sorted([*BY_NAME, *TABLES]))}.",
        )
    values = {name: parsed(BY_NAME[name], data[name], where=str(path)) for name in data if name in BY_NAME}
    tables = {name: _table(data[name], name, path) for name in data if name in TABLES}
    return ConfigFile(path=path, values=values, tables=tables, under=under)


def _table(value: Any, name: str, path: Path) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{str(path)!r}: {name} is {value!r}, expected a table.")
    if name == "aliases" and not all(_is_alias(ids) for ids in value.values()):
        raise ConfigError(
            f"{str(path)!r}: aliases has a row that is not a provider and an id.",
            advice='An alias looks like this: [aliases.best] moonshot = "kimi-k2.6".',
        )
    return value


def _is_alias(ids: Any) -> bool:
    return isinstance(ids, dict) and all(isinstance(model_id, str) for model_id in ids.values())


def _tables(path: Path) -> dict[str, Any]:
    return project.toml(path, max_bytes=MAX_BYTES)


def check_untrusted(file: ConfigFile) -> None:
    """Raise UntrustedProjectError for anything that only the user may decide."""
    for name, value in file.values.items():
        option = BY_NAME[name]
        if option.project == "never":
            _refuse(file.path, f"sets {name}")
        if option.project == "tighten" and value != option.default:
            _refuse(file.path, f"loosens {name} to {value!r}")
    if file.values.get("provider", "moonshot") not in built_in():
        _refuse(file.path, f"chooses the provider {file.values['provider']!r}, which is not built in")
    for table in ("providers", "prices", "gateway"):
        if table in file.tables:
            _refuse(file.path, f"has a [{table}] table")


def _refuse(path: Path, what: str) -> None:
    raise UntrustedProjectError(
        f"The project file {str(path)!r} {what}; that is for you to decide, not for a project.",
        advice=f"Read it, then run: moongate config trust {path}",
    )


def is_trusted(path: Path, config_dir: Path) -> bool:
    """Say whether the user trusted exactly this content at exactly this path."""
    return _trusted(config_dir).get(str(path.resolve())) == _digest(path)


def trust(path: Path, config_dir: Path) -> str:
    """Remember a project file by path and content hash, and return the hash."""
    from filelock import FileLock, Timeout  # only this command needs it

    read(path)  # a file that does not parse is not worth trusting
    digest, file = _digest(path), config_dir / TRUST_FILE
    try:
        config_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(file.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S, mode=0o600):  # of two at once none is lost
            known = dict(_trusted(config_dir)) | {str(path.resolve()): digest}
            private_write(file, msgspec.json.format(msgspec.json.encode(known)))
    except (OSError, Timeout) as error:
        raise StorageError(f"{str(file)!r} cannot be written: {error}.") from error
    return digest


def _trusted(config_dir: Path) -> Mapping[str, str]:
    try:
        return msgspec.json.decode((config_dir / TRUST_FILE).read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{str(config_dir / TRUST_FILE)!r} cannot be read: {error}.") from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def private_write(path: Path, content: bytes) -> None:
    """Write a file that only its user can read, in one step. Raises StorageError when the disk refuses."""
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError as error:
        raise StorageError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
