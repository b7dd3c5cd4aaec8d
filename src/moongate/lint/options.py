"""The linter's settings: which rules, where, how severe. Read from `[tool.moongate.lint]` or `[lint]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moongate.errors import ConfigError
from moongate.lint import gitignore
from moongate.lint.finding import Severity

_CODE = re.compile(r"MG\d{0,3}|ALL")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to look for. A code may be cut short: `MG00` is every rule about ids."""

    select: tuple[str, ...] = ("MG",)
    ignore: tuple[str, ...] = ()
    per_file: tuple[tuple[gitignore.Ignores, tuple[str, ...]], ...] = ()  # patterns, codes that do not count there
    severity: Mapping[str, Severity] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    keeps_data: bool = False  # results carry the files' contents, for fixing
    today: str = ""  # YYYY-MM-DD; an inline ignore counts until its day

    def selects(self, code: str, path: str) -> bool:
        """Say whether a rule counts in a file."""
        if not _covers(self.select, code) or _covers(self.ignore, code):
            return False
        return not any(
            _covers(codes, code) and where.ignores(path, is_folder=False) for where, codes in self.per_file
        )


def _covers(codes: tuple[str, ...], code: str) -> bool:
    return any(code.startswith(prefix) or prefix == "ALL" for prefix in codes)


_KNOWN = ("select", "ignore", "exclude", "per-file-ignores", "severity")


def options_from(
    table: Mapping[str, Any],
    *,
    where: str,
    select: str | None = None,
    ignore: str | None = None,
    keeps_data: bool = False,
    today: str = "",
) -> Options:
    """Return the settings of a table, with what the command line says in their place.

    Raises ConfigError naming what is not known, or not of its kind.
    """
    unknown = sorted(set(table) - set(_KNOWN))
    if unknown:
        raise ConfigError(f"{where} has the unknown setting {unknown[0]!r}.", advice=f"Known: {', '.join(_KNOWN)}.")
    per_file = table.get("per-file-ignores", {})
    severity = table.get("severity", {})
    if not isinstance(per_file, dict) or not isinstance(severity, dict):
        raise ConfigError(f"{where}: per-file-ignores and severity are tables.")
    return Options(
        select=_codes(select.split(",") if select else table.get("select", ["MG"]), f"{where}: select"),
        ignore=_codes(ignore.split(",") if ignore else table.get("ignore", []), f"{where}: ignore"),
        per_file=tuple(
            (gitignore.Ignores().within("", pattern), _codes(codes, f"{where}: per-file-ignores"))
            for pattern, codes in per_file.items()
        ),
        severity={code: _severity(word, where) for code, word in severity.items()},
        exclude=_texts(table.get("exclude", []), f"{where}: exclude"),
        keeps_data=keeps_data,
        today=today,
    )


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{where} is {value!r}, expected a list of texts.")
    return tuple(value)


def _codes(value: Any, where: str) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in _texts(value, where))
    for code in codes:
        if not _CODE.fullmatch(code):
            raise ConfigError(
                f"{where} names {code!r}, which is no code.", advice="Codes look like MG002, or MG00 for several."
            )
    return codes


def _severity(word: Any, where: str) -> Severity:
    if word not in ("error", "warning"):
        raise ConfigError(f"{where}: a severity is {word!r}, expected error or warning.")
    return "error" if word == "error" else "warning"
