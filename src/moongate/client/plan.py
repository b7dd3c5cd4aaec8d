"""What the blocking and the asyncio client share: how a chat is prepared, and how its answer is completed.

No IO: the clients fetch and send, this module decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moongate.client.guard import Guard, Permit
from moongate.errors import ModelRefusedError, NotOfferedError, UsageError
from moongate.facts.chat import Answer, Message
from moongate.facts.models import Listing
from moongate.facts.providers import Provider
from moongate.ledger.price import cost_of
from moongate.wire import calls, rules
from moongate.wire.calls import Call

_RESERVED = frozenset({"model", "messages", "stream"})


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A chat ready to leave."""

    call: Call[Answer]
    permit: Permit
    notes: tuple[str, ...]


def prepare(
    guard: Guard,
    permit: Permit,
    *,
    messages: Sequence[Message],
    stream: bool,
    parameters: Mapping[str, Any],
    extra_body: Mapping[str, Any] | None,
    mode: rules.Mode = "raise",
) -> Prepared:
    """Hold the request against the model's rules, write its body, and have the guard look at the final bytes.

    Raises RuleError for what the model does not take, unless `mode` says otherwise.
    """
    if not messages or isinstance(messages, str | bytes):
        raise UsageError("A chat needs a list of at least one message.")
    extra = {name: value for name, value in parameters.items() if value is not None} | dict(extra_body or {})
    fields = calls.chat_fields(model=permit.id, messages=messages, stream=stream, extra=extra)
    _check_reserved(guard, permit, fields, extra)
    applied = rules.apply(fields, permit.model, guard.row, mode)
    body = calls.encoded(applied.body)
    if mode != "pass":
        rules.passable(rules.check_body_size(len(body), guard.row))
    guard.check(body, (permit,))
    notes = permit.notes + tuple(f"changed {change.message}" for change in applied.changes)
    notes += tuple(
        warning.message if warning.rule == rules.UNKNOWN_MODEL else f"not certain: {warning.message}"
        for warning in applied.warnings
    )
    return Prepared(call=calls.chat(guard.row, body, model=permit.id), permit=permit, notes=notes)


def _check_reserved(guard: Guard, permit: Permit, fields: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Refuse parameters that the call itself sets; one that names another model is the guard's to refuse."""
    clash = sorted(_RESERVED & set(extra))
    if clash:  # another model would be recorded and priced as the one that was asked for
        guard.check(calls.encoded(fields), (permit,))
        raise UsageError(
            f"{clash[0]!r} is not a parameter to pass on.",
            advice="The call sets it: by model=, by messages=, by chat() or stream().",
        )


def complete(answer: Answer, prepared: Prepared, row: Provider) -> Answer:
    """Return the answer with its cost and with what was changed on the way."""
    notes = prepared.notes
    if answer.model and answer.model != answer.asked_model:
        notes = (*notes, f"asked {answer.asked_model!r}, the answer says {answer.model!r}")
    return replace(answer, cost=cost_of(answer.usage, prepared.permit.model, row), notes=notes)


def chosen_model(said: str | None, configured: str | None, listing: Listing | None) -> str:
    """Return the model to use: said, configured, or the only one listed.

    Raises ModelRefusedError with the list when there are several to choose from.
    """
    name = said or configured
    if name is not None:
        return name
    ids = listing.ids if listing is not None else ()
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise ModelRefusedError("No model was named, and this key is offered none.", advice="Check the account.")
    shown = ", ".join(repr(i) for i in ids[:12]) + (f" and {len(ids) - 12} more" if len(ids) > 12 else "")
    raise ModelRefusedError(
        f"No model was named, and there are {len(ids)} to choose from: {shown}.",
        advice="Choose one with -m or MOONGATE_MODEL.",
        suggestions=ids[:12],
    )


def estimate_call(guard: Guard, permit: Permit, messages: Sequence[Message]) -> Call[int]:
    """Return the call that counts a prompt's tokens, guarded like a chat."""
    call = calls.estimate(guard.row, model=permit.id, messages=messages)
    if call.body is None:
        raise NotOfferedError("This provider counts no tokens in advance.")
    guard.check(call.body, (permit,))
    return call
