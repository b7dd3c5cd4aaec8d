"""The flags that commands share, made from the one table of options.

`Asked` is what a command is handed: how to speak, and the settings once they are needed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.show import Show, log_to_stderr
from moongate.settings.options import BY_NAME

if TYPE_CHECKING:
    from moongate.client.sync import Client
    from moongate.settings.load import Flags, Settings

_SHORT = {"provider": "-p", "model": "-m"}
_SPEAKING = ("json", "quiet", "debug", "no_color")
_CONNECTING = ("provider", "base_url", "model", "guard", "timeout", "insecure_http", "ca_file", "config")


@dataclass(kw_only=True)
class Asked:
    """What was asked for with the common flags."""

    show: Show
    flags: dict[str, Any]

    @functools.cached_property
    def settings(self) -> Settings:
        """The effective settings; warnings about them are said once, on stderr."""
        from moongate.settings.load import load

        settings = load(self.settings_flags())
        for warning in settings.warnings:
            self.show.talk(f"warning: {warning}")
        if settings.is_local:
            self.show.talk(
                f"note: {settings.chosen_by}, so the embedded model answers, not Kimi"
                if settings.chosen_by.startswith("no ")
                else "note: the embedded model answers, not Kimi"
            )
        return settings

    def settings_flags(self) -> Flags:
        """Return the connecting flags as settings take them."""
        from moongate.settings.load import Flags

        return Flags(**self.flags)

    def client(self, *, spends: bool = False) -> Client:
        """Return a blocking client for these settings; the caller closes it. One that `spends` writes it down."""
        from moongate.client.sync import Client

        ledger = None
        if spends:
            from moongate.ledger.own import FILE_NAME, OwnLedger

            ledger = OwnLedger(self.settings.data_dir / FILE_NAME)
        return Client(settings=self.settings, ledger=ledger, long_lived=False)


def speaking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json, --quiet, --debug, --no-color, and hand it `asked`."""

    @speaking_options
    @functools.wraps(function)
    def command(**given: Any) -> Any:
        return function(asked=_asked(given, {}), **given)

    return command


def configured(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags of `speaking` and --config, for the folders that it names, and hand it `asked`."""

    @speaking_options
    @_option("config")
    @functools.wraps(function)
    def command(**given: Any) -> Any:
        flags = {"config": given.pop("config")}
        return function(asked=_asked(given, flags), **given)

    return command


def connecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every common flag, and hand it `asked`."""

    @speaking_options
    @connecting_options
    @functools.wraps(function)
    def command(**given: Any) -> Any:
        flags = {name: given.pop(name) for name in _CONNECTING}
        flags["insecure_http"] = flags["insecure_http"] or None
        return function(asked=_asked(given, flags), **given)

    return command


def speaking_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say how to speak."""
    for name, help_text in reversed(
        (
            ("--json", "Print one JSON document."),
            ("--quiet", "Say nothing on stderr but errors."),
            ("--debug", "Show tracebacks and what is logged."),
            ("--no-color", "No colours (also: NO_COLOR)."),
        )
    ):
        function = click.option(name, is_flag=True, help=help_text)(function)
    return function


def connecting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say where to connect, from the table of options."""
    for name in reversed(_CONNECTING):
        function = _option(name)(function)
    return function


def _option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if name == "config":
        return click.option("--config", metavar="FILE", help="One settings file, read instead of the usual ones.")
    option = BY_NAME[name]
    also = f" (also: {', '.join(option.env)})" if option.env else ""
    text = option.help[0].upper() + option.help[1:] + also + "."
    names = [_SHORT[name]] if name in _SHORT else []
    names.append("--" + name.replace("_", "-"))
    match option.kind:
        case "flag":
            return click.option(*names, is_flag=True, help=text)
        case "choice":
            return click.option(*names, type=click.Choice(option.choices), help=text)
        case "seconds":
            return click.option(*names, type=float, metavar="SECONDS", help=text)
        case _:
            return click.option(*names, metavar=name.split("_")[-1].upper(), help=text)


def _asked(given: dict[str, Any], flags: dict[str, Any]) -> Asked:
    from moongate.settings.load import wants_color

    speech = {name: given.pop(name) for name in _SPEAKING}
    show = Show(
        json=speech["json"],
        quiet=speech["quiet"],
        debug=speech["debug"],
        color=wants_color() and not speech["no_color"],
    )
    log_to_stderr(show)
    return Asked(show=show, flags=flags)
