"""A refusal in words: what was not listed, why it looks that way, what to write instead."""

from __future__ import annotations

from moongate.catalog.resolve import normal
from moongate.errors import ModelRefusedError
from moongate.facts.models import Listing, Verdict
from moongate.facts.providers import Provider

_NAMED_OWNERS = 3
_LONGEST = 120
_NAMED_IDS = 6


def refusal(verdict: Verdict, listing: Listing, row: Provider, *, now: float) -> ModelRefusedError:
    """Return the error for a name that the endpoint does not list."""
    name = _shown(verdict.name) + (f" (pinned to {_shown(verdict.pinned)})" if verdict.pinned else "")
    message = f"{row.title} ({row.host}) does not list {name}{_because(verdict)}."
    return ModelRefusedError(
        message,
        reason=verdict.reason,
        belongs_to=verdict.belongs_to,
        suggestions=verdict.suggestions,
        advice=f"{_instead(verdict, listing)} (listed {ago(now - listing.fetched_at)}). Nothing was sent.",
    )


def _shown(name: str) -> str:
    """Return a name in quotes, not too long, its control characters escaped."""
    return repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "…")


def _because(verdict: Verdict) -> str:
    match verdict.reason:
        case "foreign":
            return f": that is {_owners(verdict.belongs_to)}" if verdict.belongs_to else f": {verdict.note}"
        case "retired":
            return f": it was retired on {verdict.retired_on}"
        case "invented":
            return f": no such id was ever served; {verdict.note}"
        case "case":
            return ": ids are case-sensitive"
        case "floating":
            return f": {verdict.note}, and this one is not offered"
        case "typo":
            return ": it looks like a misspelling"
        case _:
            return ""


def _owners(titles: tuple[str, ...]) -> str:
    """Return whose id it is: "OpenRouter's id", or "the id of A, B, C and 4 more"."""
    if len(titles) == 1:
        return f"{titles[0]}'s id"
    named, more = list(titles[:_NAMED_OWNERS]), len(titles) - _NAMED_OWNERS
    last = f"{more} more" if more > 0 else named.pop()
    return f"the id of {', '.join(named)} and {last}"


def _instead(verdict: Verdict, listing: Listing) -> str:
    if verdict.suggestions:
        named = ", ".join(repr(model_id) for model_id in verdict.suggestions)
        same = normal(verdict.suggestions[0]) == normal(verdict.pinned or verdict.name)
        return f"Here it is {named}" if same else f"Nearest here: {named}"
    if not listing.ids:
        return "This key is offered no model at all"
    shown = ", ".join(repr(model_id) for model_id in listing.ids[:_NAMED_IDS])
    more = len(listing.ids) - _NAMED_IDS
    return f"Offered here: {shown}" + (f" and {more} more" if more > 0 else "")


def ago(seconds: float) -> str:
    """Return an age in words, as coarse as it is old."""
    if seconds < 90:
        return "just now" if seconds < 10 else f"{seconds:.0f} s ago"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago"
