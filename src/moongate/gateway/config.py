"""All that a gateway runs on, read once, and read again when it is told to: options, upstreams, routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from moongate.errors import BaseUrlError, ConfigError, MissingExtraError, ProviderChoiceError
from moongate.gateway import traces
from moongate.gateway.certificate import Certificate
from moongate.gateway.options import KEY_SETTINGS, Fault, Options, UpstreamOptions, checked, options_from
from moongate.gateway.upstream import Source
from moongate.settings.load import Flags, Settings, load
from moongate.settings.serving import Account, Table, gateway_table, upstream_settings


@dataclass(frozen=True, kw_only=True)
class Config:
    """A configuration that can be served."""

    settings: Settings  # what is not an upstream's own: folders, time-outs, the network
    options: Options
    sources: tuple[Source, ...]

    @property
    def title(self) -> str:
        """What is served, in a few words."""
        titles = dict.fromkeys(source.settings.row.title for source in self.sources)
        return ", ".join(titles) if len(titles) < 4 else f"{len(self.sources)} upstreams"

    def need_keys(self) -> None:
        """Raise KeyMissingError for the first upstream whose endpoint wants a key and has none."""
        for source in self.sources:
            _need_key(source.settings)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault of the configuration and where it stands."""

    fault: Fault
    file: str | None
    line: int | None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: " if self.file else ""
        return f"{place}{self.fault.message} {self.fault.advice}".strip()


def single(settings: Settings) -> Config:
    """Return the configuration of a gateway over the one upstream that the settings choose.

    Raises ConfigError for a `[gateway]` table that cannot work.
    """
    source = Source(name=settings.row.name, settings=settings)
    return Config(settings=settings, options=options_from(settings.gateway), sources=(source,))


def read(flags: Flags | None = None) -> Config:
    """Read everything: the upstreams of the table, or the one that flags or environment choose.

    A flag that names a provider or an address comes before the table.

    Raises a ConfigError that says where the first fault stands.
    """
    table = gateway_table(flags)
    if not _counts(table, flags):
        return single(load(flags))
    findings = tuple(_found(table, flags))
    if findings:
        raise ConfigError(str(findings[0]))
    options = options_from(table.values)
    sources = tuple(_source(upstream, flags) for upstream in options.upstreams)
    return Config(settings=replace(sources[0].settings, gateway=table.values), options=options, sources=sources)


def notes(config: Config) -> tuple[str, ...]:
    """Return what is not wrong, and should be known all the same: key files that others can read."""
    files = {Path(each.key_file).expanduser() for each in config.options.upstreams if each.key_file is not None}
    open_to_others = [file for file in sorted(files) if file.exists() and file.stat().st_mode & 0o077]
    return tuple(f"{str(file)!r} holds a key, and others than its owner can read it" for file in open_to_others)


def secured(config: Config, certificate: Certificate | None) -> Config:
    """Return a configuration with the certificate that the command line named, if it named one."""
    if certificate is None:
        return config
    options = replace(config.options, tls_cert=certificate.cert, tls_key=certificate.key)
    return replace(config, options=options)


def has_upstreams(flags: Flags | None = None) -> bool:
    """Say whether the table's own upstreams are what `read` returns."""
    return _counts(gateway_table(flags), flags)


def _counts(table: Table, flags: Flags | None) -> bool:
    named = flags is not None and (flags.provider is not None or flags.base_url is not None)
    return bool(table.values.get("upstreams")) and not named


def findings(flags: Flags | None = None, certificate: Certificate | None = None) -> tuple[Finding, ...]:
    """Return everything in the configuration that cannot work; nothing is sent and nothing is started.

    A `certificate` is the one that the command line named; it counts instead of the table's.
    """
    try:
        table = gateway_table(flags)
    except ConfigError as error:
        return (Finding(fault=Fault(path=(), message=error.message, advice=error.advice), file=None, line=None),)
    found = list(_found(table, flags))
    found += [Finding(fault=fault, file=None, line=None) for fault in _of_certificate(certificate, ())]
    if not _counts(table, flags):
        try:
            _need_key(load(flags))
        except ConfigError as error:
            fault = Fault(path=(), message=error.message, advice=error.advice)
            found.append(Finding(fault=fault, file=None, line=None))
    return tuple(found)


def _found(table: Table, flags: Flags | None) -> Iterator[Finding]:
    options, faults = checked(table.values)
    faulty = {fault.path[:2] for fault in faults}
    more = [fault for each in options.upstreams for fault in _of_upstream(each, table, flags, faulty)]
    more += _of_certificate(options.certificate, ("tls_cert",))
    more += _of_traces(options)
    placed = [(table.where(fault.path) or (None, None), fault) for fault in (*faults, *more)]
    for (file, line), fault in sorted(placed, key=lambda pair: (pair[0][0] or "", pair[0][1] or 0)):
        yield Finding(fault=fault, file=file, line=line)


def _of_upstream(
    upstream: UpstreamOptions, table: Table, flags: Flags | None, faulty: set[tuple[str, ...]]
) -> Iterator[Fault]:
    """Yield what only shows with providers, environment and files at hand."""
    path, title = ("upstreams", upstream.name), f"[gateway.upstreams.{upstream.name}]"
    if upstream.name in table.providers and upstream.name != upstream.provider:
        yield Fault(
            path=path,
            message=f"{title} has the name of another provider.",
            advice=f"It is {upstream.provider!r}; choose a name that cannot be mistaken.",
        )
    if path in faulty:
        return
    try:
        _need_key(_source(upstream, flags).settings)
    except ConfigError as error:
        message = error.message.replace("--base-url", "base_url")
        yield Fault(path=(*path, *_to_blame(upstream, error)), message=f"{title}: {message}", advice=error.advice)


def _to_blame(upstream: UpstreamOptions, error: ConfigError) -> tuple[str, ...]:
    """Return the setting of an upstream that an error is about, if one is."""
    if isinstance(error, ProviderChoiceError):
        return ("provider",)
    if isinstance(error, BaseUrlError):
        return ("base_url",)
    return tuple(name for name in KEY_SETTINGS if getattr(upstream, name) is not None)


def _of_traces(options: Options) -> Iterator[Fault]:
    if options.otel_endpoint is not None:
        try:
            traces.check()
        except MissingExtraError as error:
            yield Fault(path=("otel_endpoint",), message=error.message, advice=error.advice)


def _of_certificate(certificate: Certificate | None, path: tuple[str, ...]) -> Iterator[Fault]:
    if certificate is not None:
        try:
            certificate.context()
        except ConfigError as error:
            yield Fault(path=path, message=error.message, advice=error.advice)


def _source(upstream: UpstreamOptions, flags: Flags | None) -> Source:
    account = Account(
        provider=upstream.provider,
        base_url=upstream.base_url,
        key_env=upstream.key_env,
        key_file=upstream.key_file,
        keyring=upstream.keyring,
    )
    return Source(
        name=upstream.name,
        settings=upstream_settings(account, flags),
        only=None if upstream.models is None else frozenset(upstream.models),
        limits=upstream.limits,
        break_after=upstream.break_after,
    )


def _need_key(settings: Settings) -> None:
    if settings.row.list_auth == "required" and not settings.is_local:
        settings.needed_key()
