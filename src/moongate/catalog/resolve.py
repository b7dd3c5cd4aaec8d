"""What a name means at one endpoint: a pure function from (name, listing) to a `Verdict` with its reason.

The verdict never guesses: `id` is set only when the endpoint listed it. Hints and likeness explain a refusal, and
order the suggestions; they never allow anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from moongate.facts.hints import Hints, Host, hints
from moongate.facts.models import Listing, Reason, Verdict
from moongate.facts.providers import Provider, built_in

MAX_SUGGESTIONS = 3
_CLOSE = 60.0  # of 100: below this a listed id is not offered as "nearest", unless it is of the same family
_TYPO = 84.0  # of 100: from here on a name is called a misspelling

_VERSION = re.compile(r"(?<=[a-z])(\d)[.\-_p](\d)(?!\d)")
_SQUEEZED = re.compile(r"(?<=[a-z])(\d)(\d)(?![\d.])")
_VERSION_OF = re.compile(r"(?<![\d.])(\d+)(?:\.\d+)?")
_WORDS = re.compile(r"[a-z]{2,}")
ENDINGS = re.compile(r"(:[a-z0-9\-]+|@[a-z]+|-tee|-maas|-fast|-\d{8})$")


@dataclass(frozen=True, kw_only=True)
class Pins:
    """Names of one's own for the ids of one endpoint."""

    ids: Mapping[str, str] = field(default_factory=dict)  # alias -> what the endpoint takes
    files: Mapping[str, str] = field(default_factory=dict)  # alias -> its file, where that came with a project's code


def resolve(name: str, listing: Listing, row: Provider, *, pins: Pins | None = None) -> Verdict:
    """Return what `name` means at the endpoint that sent `listing`.

    Looked up in this order: listed ids, aliases declared by a listed row, a listed id with a suffix that the provider
    accepts on any id, a pinned alias; then the same without a routing prefix (`provider/…`, `provider:…`).
    """
    pins = pins or Pins()
    found = lookup(name, listing, row, pins)
    if found is not None:
        return found
    bare = without_route(name, row)
    if bare is not None:
        found = lookup(bare, listing, row, pins)
        if found is not None:
            return replace(found, name=name)
    pinned = pins.ids.get(name)
    if pinned is not None:
        return replace(_refused(pinned, listing, row), name=name, pinned=pinned)
    return _refused(name, listing, row)


def without_route(name: str, row: Provider) -> str | None:
    """Return the name without `row`'s routing prefix, or None when it has none."""
    for mark in "/", ":":
        prefix, found, rest = name.partition(mark)
        if found and rest and prefix == row.name:
            return rest
    return None


def lookup(name: str, listing: Listing, row: Provider, pins: Pins) -> Verdict | None:
    """Return what a name means as it stands, no routing prefix taken off: taken by the endpoint itself, or pinned."""
    found = _taken(name, listing, row)
    pinned = pins.ids.get(name)
    if found is not None or pinned is None:
        return found
    found = _taken(pinned, listing, row)
    return replace(found, name=name, found="alias", note="pinned", pinned=pinned) if found is not None else None


def _taken(name: str, listing: Listing, row: Provider) -> Verdict | None:
    if (model := listing.by_id.get(name)) is not None:
        reason: Reason | None = "floating" if model.floating else None
        note = f"{row.title} re-points this id to newer models" if model.floating else ""
        return Verdict(name=name, provider=row.name, found="listed", id=name, model=model, reason=reason, note=note)
    if (model := listing.by_alias.get(name)) is not None:
        note = f"an alias that the row of {model.id!r} declares"
        return Verdict(name=name, provider=row.name, found="alias", id=name, model=model, note=note)
    for suffix in row.suffixes:
        base = name.removesuffix(suffix)
        if base != name and (model := listing.by_id.get(base) or listing.by_alias.get(base)) is not None:
            note = f"the listed id {base!r} with {suffix!r}, which {row.title} accepts on any id"
            return Verdict(name=name, provider=row.name, found="alias", id=name, model=model, note=note)
    return None


def _refused(name: str, listing: Listing, row: Provider) -> Verdict:
    suggestions = nearest(name, listing)
    reason, note, owners, retired_on = _why(name, listing, row, suggestions, hints())
    return Verdict(
        name=name,
        provider=row.name,
        found="not_listed",
        reason=reason,
        note=note,
        belongs_to=tuple(dict.fromkeys(host.title for host in owners)),
        retired_on=retired_on,
        suggestions=suggestions,
    )


def _why(
    name: str, listing: Listing, row: Provider, suggestions: tuple[str, ...], known: Hints
) -> tuple[Reason, str, tuple[Host, ...], str | None]:
    """Return the likeliest reason, its evidence, whose id it is, and when it ended; best evidence first."""
    folded = {model_id.casefold(): model_id for model_id in listing.ids}
    if name.casefold() in folded:
        return "case", "ids are compared letter by letter", (), None
    routed = _other_route(name, row)
    if routed is not None:
        return "foreign", f"the prefix routes it to {routed!r}; use -p {routed}", (), None
    retired_on = known.retired(name, row.name)
    if retired_on is not None:
        return "retired", f"it ended here on {retired_on}", (), retired_on
    never = known.never.get(name) or known.never.get(name.casefold())
    if never is not None:
        return "invented", f"{never.why} ({never.source})", (), None
    owners = known.owners(name, besides=(row.name,) if row.at_home else (), exactly=(row.name,))
    if owners:
        return "foreign", f"seen there {owners[0].seen}", owners, None
    if row.is_floating(name) or name.endswith("-latest"):
        return "floating", "a name of this kind is re-pointed to newer models", (), None
    if suggestions and (likeness(name, suggestions[0]) >= _TYPO):
        return "typo", "", (), None
    return "unknown", "", (), None


def _other_route(name: str, row: Provider) -> str | None:
    """Return the other provider that a routing prefix names, when what follows is not AIMLAPI's own spelling."""
    prefix, mark, rest = name.partition("/")
    if not mark:
        prefix, mark, rest = name.partition(":")
    if not rest or prefix == row.name or prefix not in built_in():
        return None
    return prefix if not any(host.name == "aimlapi" for host in hints().owners(name)) else None


def normal(name: str) -> str:
    """Return the form in which spellings of one model meet.

    No vendor, lower case, no variant ending, and `2.6` for `2-6`, `2_6`, `2p6` and `26`.
    """
    text = "-".join(name.casefold().split())
    text = re.split(r"[/]|^hf:|^~", text)[-1]
    text = ENDINGS.sub("", ENDINGS.sub("", text))
    text = _VERSION.sub(r"\1.\2", text)
    return _SQUEEZED.sub(r"\1.\2", text) if "." not in text else text


def likeness(name: str, listed: str) -> float:
    """Return how alike two ids are once normalised, 0 to 100."""
    from rapidfuzz import fuzz  # 60 ms to import, needed only to explain a refusal

    return fuzz.ratio(normal(name), normal(listed))


def nearest(name: str, listing: Listing) -> tuple[str, ...]:
    """Return the listed ids most like `name`, best first: other spellings of it, else close ones and its family.

    The same version comes first, then the same generation, then whatever adds fewest words of its own: who asks for
    a retired "kimi-k2-0711-preview" hears of "kimi-k2.6" before "kimi-k2.7-code-highspeed".
    """
    same = tuple(listed for listed in listing.ids if normal(listed) == normal(name))
    if same:
        return same[:MAX_SUGGESTIONS]
    kin = family(name)
    scores = {listed: likeness(name, listed) for listed in listing.ids}
    kept = [listed for listed in listing.ids if scores[listed] >= _CLOSE or (kin and family(listed) == kin)]
    return tuple(sorted(kept, key=lambda listed: (*apart(name, listed), -scores[listed], listed))[:MAX_SUGGESTIONS])


def apart(name: str, listed: str) -> tuple[bool, bool, int]:
    """Return whether version and generation differ, and how many words the listed id adds; the least is nearest."""
    asked, found = (_VERSION_OF.search(normal(text)) for text in (name, listed))
    words = set(_WORDS.findall(normal(listed))) - set(_WORDS.findall(normal(name)))
    if asked is None or found is None:
        return False, False, len(words)
    return asked[0] != found[0], asked[1] != found[1], len(words)


def family(name: str) -> str:
    """Return the word that a model's name begins with, "kimi" of "moonshotai/kimi-k2.6", or ""."""
    found = re.match(r"[a-z]{3,}", normal(name))
    return found[0] if found else ""
