"""Every option, declared once: its flag, its TOML key, its environment variables, and who may set it.

The command line, the readers of files and the documentation's table are made from these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from moongate.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting. `project` says what a project file that its user has not trusted may do with it."""

    name: str  # also the TOML key; the flag is --name with dashes
    env: tuple[str, ...] = ()
    kind: Literal["text", "seconds", "flag", "choice", "path"] = "text"
    choices: tuple[str, ...] = ()
    default: Any = None
    project: Literal["may", "tighten", "never"] = "never"
    help: str = ""


OPTIONS: tuple[Option, ...] = (
    Option(
        name="provider",
        env=("MOONGATE_PROVIDER",),
        project="may",
        help="whose endpoint to use: a built-in provider or one of your own",
    ),
    Option(
        name="model",
        env=("MOONGATE_MODEL", "KIMI_MODEL_ID"),
        project="may",
        help="the model id; checked against the live list before anything is sent",
    ),
    Option(name="base_url", help="another address for the provider; your key is sent there"),
    Option(
        name="guard",
        env=("MOONGATE_GUARD",),
        kind="choice",
        choices=("strict", "warn", "off"),
        default="strict",
        project="tighten",
        help="what happens to an id that the endpoint does not list: refused, sent with a warning, not looked at",
    ),
    Option(
        name="rules",
        env=("MOONGATE_RULES",),
        kind="choice",
        choices=("raise", "fix", "pass"),
        default="raise",
        project="tighten",
        help="what happens to a parameter that the model does not take: refused, changed and said, sent as it is",
    ),
    Option(
        name="timeout",
        env=("MOONGATE_TIMEOUT",),
        kind="seconds",
        help="bound on one exchange; for a stream, on the silence between two pieces",
    ),
    Option(
        name="list_timeout",
        env=("MOONGATE_LIST_TIMEOUT",),
        kind="seconds",
        default=60.0,
        help="bound on fetching the model list, which has been seen to take tens of seconds",
    ),
    Option(name="insecure_http", kind="flag", default=False, help="allow plain http to another machine"),
    Option(
        name="ca_file",
        env=("MOONGATE_CA_FILE", "SSL_CERT_FILE"),
        kind="path",
        help="certificate authorities to trust, PEM; the system's otherwise",
    ),
    Option(
        name="cache_dir",
        env=("MOONGATE_CACHE_DIR",),
        kind="path",
        help="where model lists and the embedded model's weights are kept",
    ),
    Option(
        name="data_dir",
        env=("MOONGATE_DATA_DIR",),
        kind="path",
        help="where the gateway keeps its accounts, keys and ledger",
    ),
)
BY_NAME = {option.name: option for option in OPTIONS}


def parsed(option: Option, value: Any, *, where: str) -> Any:
    """Return a value as its option's kind. Raises ConfigError naming where it stands."""
    match option.kind:
        case "seconds":
            return _seconds(option, value, where)
        case "flag":
            if isinstance(value, bool):
                return value
            raise ConfigError(f"{where}: {option.name} is {value!r}, expected true or false.")
        case "choice" if value not in option.choices:
            raise ConfigError(f"{where}: {option.name} is {value!r}, expected one of {', '.join(option.choices)}.")
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where}: {option.name} is {'empty' if value == '' else repr(value)}, expected a text.")
    return value


def _seconds(option: Option, value: Any, where: str) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if isinstance(value, bool) or not 0 < seconds <= 86_400:
        raise ConfigError(f"{where}: {option.name} is {value!r}, expected seconds between 0 and 86400.")
    return seconds
