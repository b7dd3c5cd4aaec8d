"""What is wrong with an id at the endpoint it is meant for: a code, a sentence, what to write instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from moongate.catalog.resolve import normal
from moongate.facts.hints import Host, hints
from moongate.facts.models import Listing, Model
from moongate.facts.providers import built_in
from moongate.lint.endpoints import Endpoint
from moongate.lint.knowledge import Knowledge, Known
from moongate.lint.spelling import distance, nearest

KIMI = re.compile(
    r"(?:[~@]?[\w.\-]+[/:.])*~?(?:[\w-]*kimi[-_ .]?(?:k\d[\w.\-]*|latest|for-coding[\w-]*|thinking-preview"
    r"|dev-[\w-]+|vl-[\w-]+|linear[\w-]*)|moonshot-v1[\w.-]*|k2p\d\w*|k3(?:-256k|\[1m\]|\.1-pro)?)(?:\[\w+\])?(?::[\w-]+)?(?:@[\w-]+)?",
    re.IGNORECASE,
)
_ROLLING = frozenset(
    {"kimi-code", "kimi-code-global"}
)  # products whose documented ids all float: no pin is to be had
_SHOWN = 3
_SLIPS = 2  # letters by which a misspelling differs from what was meant


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is wrong with an id somewhere. `instead` is set only where it is certain what was meant."""

    code: str
    message: str
    basis: str
    is_hint: bool
    instead: str | None = None
    doubtful: bool = False  # rests on a hint that may simply be older than the id


def looks_kimi(text: str) -> bool:
    """Say whether a whole text has the form of a Kimi id."""
    return len(text) < 100 and KIMI.fullmatch(text) is not None


def judge(model_id: str, endpoint: Endpoint, knowledge: Knowledge) -> Judgement | None:
    """Return what is wrong with an id at an endpoint, None when it is right or nothing can be said."""
    known = knowledge.of(endpoint)
    if known is None or model_id in knowledge.aliases:
        return None
    model = _listed(model_id, known.listing, endpoint)
    if model is not None:
        return _floating(model_id, model, endpoint, known)
    if model_id in knowledge.pinned.get(endpoint.name, ()):
        return None
    for found in _faults(model_id, endpoint, known):
        return found
    return None


def _listed(model_id: str, listing: Listing, endpoint: Endpoint) -> Model | None:
    found = listing.by_id.get(model_id) or listing.by_alias.get(model_id)
    for suffix in endpoint.row.suffixes if endpoint.row is not None and found is None else ():
        bare = model_id.removesuffix(suffix)
        if bare != model_id:
            found = found or listing.by_id.get(bare) or listing.by_alias.get(bare)
    return found


def _floating(model_id: str, model: Model, endpoint: Endpoint, known: Known) -> Judgement | None:
    if not model.floating or endpoint.name in _ROLLING:
        return None
    message = f"{model_id!r} floats: {endpoint.title} re-points it to newer models, and nothing in your code changes"
    return Judgement(code="MG006", message=message, basis=known.basis, is_hint=known.is_hint)


def _faults(model_id: str, endpoint: Endpoint, known: Known) -> Iterator[Judgement]:
    """Yield the faults of an id that is not listed, the best founded first."""
    listing, title = known.listing, endpoint.title
    only_hints = endpoint.kind == "hint" and known.is_hint
    same = [listed for listed in listing.ids if squeezed(listed) == squeezed(model_id)]
    if len(same) == 1:
        how = "letter case" if same[0].casefold() == model_id.casefold() else "punctuation"
        message = f"{title} compares ids letter by letter: {model_id!r} is {same[0]!r} with other {how}"
        yield _fault("MG005", message, known, instead=same[0], doubtful=only_hints)
    retired_on = hints().retired(model_id, endpoint.name)
    if retired_on is not None and not only_hints:
        message = f"{title} retired {model_id!r} on {retired_on}{_nearest(model_id, listing)}"
        yield _fault("MG003", message, known)
    instead = _same_model(model_id, listing)
    if not only_hints:
        never = hints().never.get(model_id) or hints().never.get(model_id.rpartition("/")[2].casefold())
        if never is not None and not instead:
            message = f"{model_id!r} was never served by {title}: {never.why}{_nearest(model_id, listing)}"
            yield _fault("MG004", message, known)
    owners = _owners(model_id, endpoint)
    if (owners or _is_spelled_elsewhere(model_id, instead)) and (not only_hints or instead):
        whose = _whose(owners) if owners else "another endpoint's spelling"
        here = f"; here it is {instead!r}" if instead else _nearest(model_id, listing)
        yield _fault("MG002", f"{title} does not list {model_id!r}, which is {whose}{here}", known, instead=instead)
    if not only_hints:
        yield from _unlisted(model_id, endpoint, known)


def _same_model(model_id: str, listing: Listing) -> str | None:
    """Return the one listed id that is the same model, plainly written: no variant, no dated name."""
    alike = [listed for listed in listing.ids if normal(listed) == normal(model_id)]
    if len(alike) > 1:
        tail = squeezed(re.split(r"[/]", model_id)[-1].partition(":")[0])
        alike = [listed for listed in alike if squeezed(listed.rpartition("/")[2]) == tail] or alike
    return alike[0] if len(alike) == 1 else None


def _unlisted(model_id: str, endpoint: Endpoint, known: Known) -> Iterator[Judgement]:
    listing = known.listing
    if not looks_kimi(model_id):
        vendor, mark, _ = model_id.partition("/")
        judged = (
            any(listed.startswith(f"{vendor}/") for listed in listing.ids) if mark else endpoint.name in _MOONSHOT
        )
        if not judged or (known.is_hint and endpoint.name not in _MOONSHOT):
            return
    slips = any(distance(normal(model_id), normal(listed), at_most=_SLIPS) <= _SLIPS for listed in listing.ids)
    doubtful = known.is_hint and looks_kimi(model_id) and not slips
    message = f"{endpoint.title} does not list {model_id!r}{_nearest(model_id, listing)}"
    yield _fault("MG001", message, known, doubtful=doubtful)


_MOONSHOT = frozenset({"moonshot", "moonshot-cn", "kimi-code", "kimi-code-global"})


def _fault(code: str, message: str, known: Known, *, instead: str | None = None, doubtful: bool = False) -> Judgement:
    return Judgement(
        code=code, message=message, basis=known.basis, is_hint=known.is_hint, instead=instead, doubtful=doubtful
    )


def squeezed(model_id: str) -> str:
    """Return the form in which spellings meet that differ by letter case and punctuation alone."""
    return re.sub(r"[^a-z0-9/:@~]", "", model_id.casefold())


def _owners(model_id: str, endpoint: Endpoint) -> tuple[Host, ...]:
    return tuple(
        host
        for host in hints().owners(model_id)
        if host.name != endpoint.name and model_id in (host.ids | host.gone.keys())
    )


def _is_spelled_elsewhere(model_id: str, instead: str | None) -> bool:
    """Say whether an id is a listed model in the way that other endpoints write it: with or without a vendor."""
    if instead is None or model_id.startswith(f"{instead}:"):
        return False
    return ("/" in model_id) != ("/" in instead) or ":" in model_id or "@" in model_id


def _whose(owners: tuple[Host, ...]) -> str:
    own = [host for host in owners if host.name in built_in()]
    named = list(dict.fromkeys(host.title for host in (own or owners)))[:_SHOWN]
    more = len({host.title for host in owners}) - len(named)
    rest = f" and {more} more" if more > 0 else ""
    return f"the id of {', '.join(named)}{rest}" if len(named) > 1 or rest else f"{named[0]}'s id"


def _nearest(model_id: str, listing: Listing) -> str:
    found = nearest(model_id, listing.ids)
    return f"; nearest here: {', '.join(map(repr, found))}" if found else ""
