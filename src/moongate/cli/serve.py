"""`moongate serve`: the gateway."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import click

from moongate.cli.options import Asked, connecting
from moongate.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from moongate.gateway.certificate import Certificate
    from moongate.gateway.config import Config, Finding
    from moongate.gateway.place import Place


def gateway() -> ModuleType:
    """Return the module that serves. Raises MissingExtraError when what it needs is not installed."""
    try:
        return importlib.import_module("moongate.gateway.serve")
    except ModuleNotFoundError as error:
        if error.name in ("uvicorn", "starlette"):
            raise MissingExtraError(
                f"The gateway needs {error.name}, which is not installed.",
                advice="Install it: pip install 'moongate[gateway]'",
            ) from error
        raise


@click.command("serve")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to bind; other than loopback only once there are keys.",
)
@click.option(
    "--port", default=8686, type=click.IntRange(0, 65535), show_default=True, help="The port; 0 takes a free one."
)
@click.option(
    "--workers", default=1, type=click.IntRange(1, 64), show_default=True, help="Processes that share the port."
)
@click.option("--tls-cert", metavar="FILE", help="Speak https with this certificate: PEM, with its chain.")
@click.option("--tls-key", metavar="FILE", help="The key of the certificate, if the same file does not hold it.")
@click.option(
    "--check-config", is_flag=True, help="Name every fault of the configuration by its line; serve nothing."
)
@connecting
def command(
    asked: Asked,
    host: str,
    port: int,
    workers: int,
    tls_cert: str | None,
    tls_key: str | None,
    check_config: bool,
) -> int:
    """Serve the Moonshot API, metered per account, over one provider, the embedded model, or several upstreams.

    Several are named in the configuration file. Needs an account and a key: `moongate accounts create NAME --balance
    10`, then `moongate keys create NAME`.
    """
    serve = gateway()
    certificate = _certificate(tls_cert, tls_key)
    if check_config:
        return _checked(asked, certificate)

    config = _configured(asked, certificate)

    def ready(place: Place, admin_key: str | None) -> None:
        shown = {"base_url": place.base_url, "provider": config.sources[0].settings.row.name}
        if asked.show.json:
            asked.show.line(shown if admin_key is None else shown | {"admin_key": admin_key})
        else:
            if admin_key is not None:  # also where nothing else is to be said: it is lost otherwise
                told = f"the admin key, for /admin and /metrics, shown once: {admin_key}"
                replace(asked.show, quiet=False).talk(told)
            asked.show.data(f"export MOONSHOT_BASE_URL={place.base_url}")
        if not place.has_keys:
            asked.show.talk(
                "note: there are no keys yet, so every call is refused; make one in another terminal: "
                "moongate accounts create me --balance 10; moongate keys create me"
            )
        asked.show.talk(f"serving {config.title}; Ctrl-C ends")

    code: int = serve.run(
        config, host=host, port=port, workers=workers, ready=ready, reread=lambda: _reread(asked, certificate)
    )
    return code


def _certificate(cert: str | None, key: str | None) -> Certificate | None:
    from moongate.gateway.certificate import Certificate

    if cert is None and key is not None:
        raise ConfigError("--tls-key needs --tls-cert.", advice="Name the certificate that the key belongs to.")
    return None if cert is None else Certificate(cert=cert, key=key)


def _reread(asked: Asked, certificate: Certificate | None) -> Config:
    """Return what is to be served now: files and environment are read again."""
    from moongate.gateway import config

    return config.secured(config.read(asked.settings_flags()), certificate)


def _configured(asked: Asked, certificate: Certificate | None) -> Config:
    """Return what is to be served: the table's upstreams, or the provider that flags or environment choose."""
    from moongate.gateway import config

    flags = asked.settings_flags()
    found = config.read(flags) if config.has_upstreams(flags) else config.single(asked.settings)
    asked.show.notes(config.notes(found))
    return config.secured(found, certificate)


def _checked(asked: Asked, certificate: Certificate | None) -> int:
    """Print every fault of the configuration with its place; exit code 2 when there is one."""
    from moongate.gateway import config

    findings = config.findings(asked.settings_flags(), certificate)
    if asked.show.json:
        asked.show.document({"ok": not findings, "faults": [_document(finding) for finding in findings]})
    else:
        for finding in findings:
            asked.show.data(str(finding))
    if not findings:
        found = config.read(asked.settings_flags())
        asked.show.talk(f"nothing wrong; upstreams: {found.title}")
        for source in found.sources:
            asked.show.talk(f"  {source.told}")
        asked.show.notes(config.notes(found))
    return 2 if findings else 0


def _document(finding: Finding) -> dict[str, object]:
    fault = finding.fault
    place = {"file": finding.file, "line": finding.line, "setting": ".".join(("gateway", *fault.path))}
    return {**place, "message": fault.message, "advice": fault.advice or None}
