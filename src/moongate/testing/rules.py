"""Whether Moonshot would accept a chat request: every rule in turn, the first refusal wins.

Pure. The rules are `params` (parameters per model family), `messages` and `tools`; the words are errors.toml. The
order is ours: with several faults in one request, which one Moonshot names first is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from moongate.testing import messages, params, tools
from moongate.testing.chat import thinks
from moongate.testing.exchange import Refusal
from moongate.testing.models import ServedModel
from moongate.testing.readings import Readings


def judged(request: Mapping[str, Any], model: ServedModel, readings: Readings) -> Refusal | None:
    """Return what is wrong with a chat request, None when nothing is. Models without a family take everything."""
    if model.family == "none":
        return judged_messages(request, model)
    thinking = thinks(request, model)
    return next(
        chain(
            messages.present(request),
            params.refusals(request, model, readings, thinking=thinking),
            messages.refusals(request, model, thinking=thinking),
            tools.refusals(request, model, readings, thinking=thinking),
        ),
        None,
    )


def judged_messages(request: Mapping[str, Any], model: ServedModel) -> Refusal | None:
    """Return what is wrong with the messages alone, as the token estimate and unknown models check them."""
    found: Iterator[Refusal] = chain(messages.present(request), messages.refusals(request, model, thinking=False))
    return next(found, None)


def schema_warnings(request: Mapping[str, Any], readings: Readings) -> tuple[str, ...]:
    """Return the flaws of tool schemas that are tolerated and told in the header msh-schema-warning."""
    return tuple(tools.warnings(request, readings))
