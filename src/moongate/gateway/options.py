"""The `[gateway]` table of the configuration, checked: what a running gateway accepts, and from whom.

Every setting is declared once; the checks, the defaults and the table of the documentation come from these rows.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from moongate.errors import ConfigError
from moongate.facts.providers import is_loopback
from moongate.gateway.certificate import Certificate
from moongate.wire.limits import Limits

BODY_MAX_BYTES = 100 * 1024 * 1024  # as Moonshot: 413 beyond 100 MB (platform docs, 2026-08-13)
FILES_MAX, FILES_MAX_BYTES = 1000, 10 * 1024**3  # of one account, as Moonshot (OpenAPI document, 2026-08-17)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Kind = Literal["flag", "count", "number", "text", "url", "texts", "origins", "choice", "path"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of the table, or of the table of an upstream."""

    name: str
    kind: Kind
    default: Any = None
    least: float = 0
    most: float = 10**9
    choices: tuple[str, ...] = ()
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="cors_origins",
        kind="origins",
        default=(),
        help="browser pages that may call, each as scheme://host[:port]; none without this",
    ),
    Setting(
        name="hosts",
        kind="texts",
        default=(),
        help="names besides loopback's and the bound address's that a request may be addressed to",
    ),
    Setting(
        name="max_body_bytes",
        kind="count",
        default=BODY_MAX_BYTES,
        least=1,
        most=1024**3,
        help="the largest body that is taken, 413 beyond",
    ),
    Setting(name="max_files", kind="count", default=FILES_MAX, least=1, help="files that an account may have"),
    Setting(
        name="max_files_bytes",
        kind="count",
        default=FILES_MAX_BYTES,
        least=1,
        most=10**15,
        help="bytes that an account may have in files",
    ),
    Setting(
        name="max_batches",
        kind="count",
        default=2,
        least=1,
        help="batches of an account that a worker carries out at once; the others wait",
    ),
    Setting(
        name="tls_cert",
        kind="path",
        help="speak https with this certificate: a PEM file with its chain, by its absolute path",
    ),
    Setting(
        name="tls_key", kind="path", help="the certificate's key, PEM, unencrypted; without it `tls_cert` holds both"
    ),
    Setting(name="access_log", kind="flag", default=False, help="a line on stderr for each request"),
    Setting(
        name="log_content",
        kind="flag",
        default=False,
        help="keep what is asked and answered, beside the ledger; off, no prompt and no answer is ever written",
    ),
    Setting(
        name="log_content_days",
        kind="count",
        default=7,
        least=1,
        most=3650,
        help="how long what was kept by `log_content` stays",
    ),
    Setting(
        name="on_disk_full",
        kind="choice",
        default="refuse",
        choices=("refuse", "go_on"),
        help="when a call cannot be written down: refuse calls, or answer them and say loudly that nobody counts",
    ),
    Setting(
        name="otel_endpoint",
        kind="url",
        help="where traces are sent (OTLP over http, e.g. http://127.0.0.1:4318); needs moongate[otel]",
    ),
    Setting(name="otel_sample", kind="number", default=1.0, most=1, help="the share of calls that are traced"),
)
UPSTREAM_SETTINGS: tuple[Setting, ...] = (
    Setting(name="provider", kind="text", help="a built-in provider, or one of your own ([providers.NAME]); needed"),
    Setting(name="base_url", kind="text", help="another address for it; the key is sent there"),
    Setting(name="key_env", kind="text", help="the variable that holds the key"),
    Setting(name="key_file", kind="text", help="the file that holds the key and nothing else, by its absolute path"),
    Setting(name="keyring", kind="text", help="the name under which the system's keyring has the key"),
    Setting(
        name="models", kind="texts", help="the ids and aliases that are let through; all that are listed without it"
    ),
    Setting(name="rpm", kind="count", least=1, help="requests a minute at most, all workers together"),
    Setting(name="tpm", kind="count", least=1, help="tokens a minute at most, counted once they are known"),
    Setting(name="concurrency", kind="count", least=1, help="calls at once at most, all workers together"),
    Setting(
        name="break_after",
        kind="count",
        default=5,
        least=1,
        help="failures in a row after which nothing is sent there for 5 to 60 seconds",
    ),
)
KEY_SETTINGS = ("key_env", "key_file", "keyring")  # of an upstream, one of them
TABLES = ("upstreams", "routes")
_PAIR = "Name the certificate that the key belongs to."


@dataclass(frozen=True, kw_only=True)
class UpstreamOptions:
    """One `[gateway.upstreams.NAME]`. Without any of the three key settings the provider's own variables count."""

    name: str
    provider: str
    base_url: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    keyring: str | None = None
    models: tuple[str, ...] | None = None
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    break_after: int = 5

    @property
    def limits(self) -> Limits:
        """What the account is allowed, as far as it is configured."""
        return Limits(rpm=self.rpm, tpm=self.tpm, concurrency=self.concurrency)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was configured, with the defaults filled in."""

    cors_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    max_body_bytes: int = BODY_MAX_BYTES
    max_files: int = FILES_MAX
    max_files_bytes: int = FILES_MAX_BYTES
    max_batches: int = 2
    tls_cert: str | None = None
    tls_key: str | None = None
    access_log: bool = False
    log_content: bool = False
    log_content_days: int = 7
    on_disk_full: Literal["refuse", "go_on"] = "refuse"
    otel_endpoint: str | None = None
    otel_sample: float = 1.0
    upstreams: tuple[UpstreamOptions, ...] = ()  # none: the one that the settings choose
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # a name → upstream/id, in order

    @property
    def certificate(self) -> Certificate | None:
        """What https is spoken with; None: http is."""
        return None if self.tls_cert is None else Certificate(cert=self.tls_cert, key=self.tls_key)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing in the table that cannot work. `path` leads to it from the table."""

    path: tuple[str, ...]
    message: str
    advice: str = ""

    @property
    def error(self) -> ConfigError:
        """The fault as an error."""
        return ConfigError(self.message, advice=self.advice)


def options_from(table: Mapping[str, Any]) -> Options:
    """Return the checked table. Raises ConfigError naming the first setting that cannot work."""
    options, faults = checked(table)
    if faults:
        raise faults[0].error
    return options


def checked(table: Mapping[str, Any]) -> tuple[Options, tuple[Fault, ...]]:
    """Return the table, defaults in place of what cannot work, and every fault that it has."""
    faults: list[Fault] = []
    values = _values(table, SETTINGS, (), faults, besides=TABLES)
    values["hosts"] = tuple(host.lower() for host in values.get("hosts", ()))
    if "tls_key" in table and "tls_cert" not in table:
        faults.append(Fault(path=("tls_key",), message="[gateway] has a tls_key and no tls_cert.", advice=_PAIR))
    upstreams = tuple(_upstreams(table.get("upstreams", {}), faults))
    routes = dict(_routes(table.get("routes", {}), upstreams, faults))
    return Options(**values, upstreams=upstreams, routes=routes), tuple(faults)


def _values(
    table: Mapping[str, Any],
    settings: Sequence[Setting],
    path: tuple[str, ...],
    faults: list[Fault],
    *,
    besides: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the values that can work; note the others."""
    known = {setting.name: setting for setting in settings}
    where = _title(path)
    values = {}
    for name, value in table.items():
        if name in known:
            try:
                values[name] = _value(known[name], value)
            except ValueError as why:
                faults.append(Fault(path=(*path, name), message=f"{where} {name} is {value!r}, expected {why}."))
        elif name not in besides:
            advice = f"Known: {', '.join([*known, *besides])}."
            faults.append(
                Fault(path=(*path, name), message=f"{where} has the unknown setting {name!r}.", advice=advice)
            )
    return values


def _title(path: tuple[str, ...]) -> str:
    return f"[{'.'.join(('gateway', *path))}]"


def _value(setting: Setting, value: Any) -> Any:
    """Return a value as its kind. Raises ValueError saying what was expected."""
    match setting.kind:
        case "flag" if not isinstance(value, bool):
            raise ValueError("true or false")
        case "count" if type(value) is not int or not setting.least <= value <= setting.most:
            raise ValueError(f"a whole number from {setting.least} to {setting.most}")
        case "number" if type(value) not in (int, float) or not setting.least <= value <= setting.most:
            raise ValueError(f"a number from {setting.least} to {setting.most}")
        case "text" if not isinstance(value, str) or not value:
            raise ValueError("a text")
        case "path" if not isinstance(value, str) or not Path(value).is_absolute():
            raise ValueError("an absolute path")
        case "url" if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/@?#]+[^\s@?#]*", value):
            raise ValueError("an http(s) address")
        case "choice" if value not in setting.choices:
            raise ValueError(" or ".join(repr(choice) for choice in setting.choices))
        case "texts" | "origins":
            if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
                raise ValueError("a list of texts")
            return tuple(_origin(text) for text in value) if setting.kind == "origins" else tuple(value)
    return float(value) if setting.kind == "number" else value


def _origin(text: str) -> str:
    """Return an origin as browsers write it. A star, a path or `null` would let in more than was meant."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    bare = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.scheme not in ("http", "https") or not host or set("*@") & set(text) or text.lower().rstrip("/") != bare:
        raise ValueError("origins: scheme, host and port, as in https://www.typingmind.com, each one by its name")
    default = {"http": 80, "https": 443}[parts.scheme]
    return bare.removesuffix(f":{port}") if port == default else bare


def _upstreams(tables: Any, faults: list[Fault]) -> Iterator[UpstreamOptions]:
    if not isinstance(tables, dict):
        faults.append(Fault(path=("upstreams",), message="[gateway] upstreams is not a table of tables."))
        return
    for name, table in tables.items():
        path = ("upstreams", name)
        if not isinstance(table, dict):
            faults.append(Fault(path=path, message=f"{_title(path)} is {table!r}, expected a table."))
            continue
        if not NAME.fullmatch(name):
            advice = "Use letters, digits, '.', '_' and '-'."
            faults.append(Fault(path=path, message=f"{name!r} cannot name an upstream.", advice=advice))
        values = _values(table, UPSTREAM_SETTINGS, path, faults)
        if values.get("models") == ():
            message = f"{_title(path)} models is [], so that nothing is let through."
            faults.append(Fault(path=(*path, "models"), message=message, advice="Leave it out to let all through."))
        keys = [key for key in KEY_SETTINGS if key in table]
        if len(keys) > 1:
            message = f"{_title(path)} has {' and '.join(keys)}; an upstream has one key."
            faults.append(Fault(path=(*path, keys[1]), message=message))
        if "provider" not in table:
            faults.append(Fault(path=path, message=f"{_title(path)} does not say which provider it is."))
        if "provider" in values:
            yield UpstreamOptions(name=name, **values)


def _routes(
    table: Any, upstreams: Sequence[UpstreamOptions], faults: list[Fault]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not isinstance(table, dict):
        faults.append(Fault(path=("routes",), message="[gateway] routes is not a table."))
        return
    for name, value in table.items():
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(_is_target(text) for text in texts):
            message = f'[gateway.routes] {name!r} is {value!r}, expected "upstream/id" or a list of them.'
            faults.append(Fault(path=("routes", name), message=message))
            continue
        for text in texts:
            if upstreams and text.partition("/")[0] not in _prefixes(upstreams):
                advice = f"Upstreams: {', '.join(each.name for each in upstreams)}."
                message = f"[gateway.routes] {name!r} leads to {text!r}, which begins with no upstream's name."
                faults.append(Fault(path=("routes", name), message=message, advice=advice))
        yield name, tuple(texts)


def _is_target(value: Any) -> bool:
    return isinstance(value, str) and all(value.partition("/"))


def _prefixes(upstreams: Sequence[UpstreamOptions]) -> set[str]:
    return {upstream.name for upstream in upstreams} | {upstream.provider for upstream in upstreams}


def host_allowed(header: str | None, bound: str, options: Options) -> bool:
    """Say whether a Host header names this gateway.

    Loopback's names, the bound address and the configured names do. Bound to every address, so do IP addresses: a web
    page that rebinds a name of its own to this machine sends that name.
    """
    name = _host_name(header)
    if name is None:
        return False
    if is_loopback(name) or name == bound.lower() or name in options.hosts:
        return True
    return bound in ("0.0.0.0", "::") and _is_address(name)  # noqa: S104 - compared, not bound


def _host_name(header: str | None) -> str | None:
    try:
        parts = urlsplit(f"//{header or ''}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return name if name and parts.netloc == header and "@" not in header else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
