"""`moongate models`: the list, or what a name means at one endpoint or at all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting
from moongate.cli.pinned import live
from moongate.errors import ListUnavailableError, MoongateError, UsageError
from moongate.facts.moments import rfc3339

if TYPE_CHECKING:
    from moongate.facts.models import Listing, Model, Verdict
    from moongate.settings.load import Settings


@click.command("models")
@click.argument("name", required=False)
@click.option("--all", "everywhere", is_flag=True, help="Ask every provider whose list can be had.")
@click.option(
    "--save",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the list, asked for now, as DIR/PROVIDER.json; with --all every list that can be had.",
)
@connecting
def command(asked: Asked, name: str | None, everywhere: bool, save: Path | None) -> int:
    """List what the endpoint offers to this key; with NAME, say what that name means there.

    Exit code 1 when NAME is an id nowhere that was asked; 3 or 4 when no list could be had.
    """
    if name is None:
        return _save_all(asked, save) if everywhere else _list(asked, save)
    answers = [_verdict(settings, name) for settings in _asked_settings(asked, everywhere)]
    verdicts = [verdict for verdict, _ in answers]
    if asked.show.json:
        asked.show.document({"name": name, "results": [_result(v) for v in verdicts]})
    else:
        _explain(asked, verdicts)
    return _code(answers)


def _code(answers: list[tuple[Verdict, MoongateError | None]]) -> int:
    """Return 0 for an id anywhere, 1 for one that is none, the error's code where nothing could be learned."""
    if any(verdict.allowed for verdict, _ in answers):
        return 0
    errors = [error for _, error in answers if error is not None]
    return errors[0].exit_code if errors and len(errors) == len(answers) else 1


def _list(asked: Asked, folder: Path | None) -> int:
    listing = _fresh(asked) if folder is None else _saved(asked, asked.settings, folder)
    if asked.show.json:
        asked.show.document(_document(listing))
        return 0
    asked.show.table(("id", "context", "input", "reasoning", ""), [_row(model) for model in listing.models])
    if listing.skipped:
        asked.show.talk(f"note: {listing.skipped} rows without a usable id were left out")
    return 0


def _fresh(asked: Asked) -> Listing:
    with asked.client() as client:
        return client.models()


def _saved(asked: Asked, settings: Settings, folder: Path) -> Listing:
    """Keep the body that the endpoint sends now: `verify`, `diff` and `lint` read it in its provider's own shape.

    Raises whatever kept the list from being had; an older one does not stand in for it.
    """
    from moongate.catalog import saved

    answer = live(settings, settings.row.name)
    if answer.listing is None:
        raise answer.error or ListUnavailableError()
    if answer.listing.partial:
        asked.show.talk(f"warning: {answer.provider}: the list may not be whole: {answer.listing.partial}")
    path = saved.write(folder, answer.listing)
    asked.show.talk(f"saved {path}")
    return answer.listing


def _save_all(asked: Asked, folder: Path | None) -> int:
    """Keep every list that can be had, and return the code of the first error where one could not."""
    from moongate.settings.load import load_all

    if folder is None:
        raise UsageError("--all needs a NAME to ask about, or --save DIR to keep the lists in.")
    codes, listings = [], []
    for settings in load_all(asked.settings_flags()):
        try:
            listings.append(_saved(asked, settings, folder))
        except UsageError:
            raise
        except MoongateError as error:
            codes.append(error.exit_code)
            asked.show.talk(f"warning: {settings.row.name} is left out: {error.message}")
    if asked.show.json:
        asked.show.document([_document(listing) for listing in listings])
    return codes[0] if codes else 0


def _document(listing: Listing) -> dict[str, Any]:
    return {
        "provider": listing.provider,
        "base_url": listing.base_url,
        "fetched_at": rfc3339(listing.fetched_at),
        "models": [
            {
                "id": model.id,
                "context_length": model.context_length,
                "input": list(model.input),
                "reasoning": model.reasoning,
                "floating": model.floating,
                "raw": model.raw,
            }
            for model in listing.models
        ],
    }


def _row(model: Model) -> tuple[str, ...]:
    marks = ["floats"] * model.floating + [f"until {model.expires}"] * bool(model.expires)
    reasoning = {True: "yes", False: "no", None: "?"}[model.reasoning]
    return (model.id, str(model.context_length or "?"), ", ".join(model.input), reasoning, ", ".join(marks))


def _asked_settings(asked: Asked, everywhere: bool) -> list[Settings]:
    """Return the settings of every endpoint to ask: the chosen one, or all whose list can be had."""
    if not everywhere:
        return [asked.settings]
    from moongate.settings.load import load_all

    return load_all(asked.settings_flags())


def _verdict(settings: Settings, name: str) -> tuple[Verdict, MoongateError | None]:
    """Return what the name means there; an endpoint whose list cannot be had says nothing either way."""
    from moongate.client.sync import Client
    from moongate.facts.models import Verdict

    with Client(settings=settings, long_lived=False) as client:
        try:
            return client.resolve(name), None
        except MoongateError as error:
            return Verdict(name=name, provider=settings.row.name, found="unverified", note=error.message), error


def _result(verdict: Verdict) -> dict[str, Any]:
    return {
        "provider": verdict.provider,
        "verdict": verdict.found,
        "id": verdict.id,
        "reason": verdict.reason,
        "belongs_to": list(verdict.belongs_to),
        "suggestions": list(verdict.suggestions),
    }


def _explain(asked: Asked, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        asked.show.data(f"{verdict.provider}: {_words(verdict)}")


def _words(verdict: Verdict) -> str:
    if verdict.allowed:
        floats = " (it floats: re-pointed to newer models)" if verdict.reason == "floating" else ""
        return f"{verdict.found}, sent as {verdict.id!r}{floats}"
    if verdict.found == "unverified":
        return f"unverified: {verdict.note}"
    owners = f", the id of {', '.join(verdict.belongs_to[:4])}" if verdict.belongs_to else ""
    ended = f" on {verdict.retired_on}" if verdict.retired_on else ""
    nearest = f"; nearest here: {', '.join(map(repr, verdict.suggestions))}" if verdict.suggestions else ""
    return f"not listed: {verdict.reason}{ended}{owners}{nearest}"
