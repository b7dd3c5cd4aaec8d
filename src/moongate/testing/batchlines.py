"""The lines of a batch: which input is valid, what each line of the output and error files says.

Validation reads; `answered` runs one line against the world and charges for it. Stages are `batches`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from moongate.testing import shapes
from moongate.testing.accounts import Account, told_to
from moongate.testing.exchange import Received, Refusal
from moongate.testing.inference import infer, model_of, solvent
from moongate.testing.refusals import rendered
from moongate.testing.world import World

ENDPOINT = "/v1/chat/completions"
FAMILIES = {"guide": ("k2.5", "k2.6", "none"), "prices": ("k2.5", "k2.6", "k2.7-code", "none")}  # K3 takes none
PINNED = ("temperature", "top_p", "n", "presence_penalty", "frequency_penalty")
Line = Mapping[str, Any]


def validated(world: World, account: Account, content: bytes) -> tuple[tuple[Line, ...], str | None]:
    """Return the lines of an input file, and why the batch fails, None when it does not."""
    lines: list[Line] = []
    for number, text in enumerate(content.decode("utf-8", "replace").split("\n"), start=1):
        if not text.strip():
            continue
        try:
            line = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return (), f"line {number} is not JSON"
        if flaw := _flaw(line):
            return (), f"line {number}: {flaw}"
        lines.append(line)
    return tuple(lines), _whole(world, account, lines)


def _flaw(line: Any) -> str | None:
    if not isinstance(line, Mapping) or not isinstance(line.get("body"), Mapping):
        return "it has no body"
    if not isinstance(line.get("custom_id"), str) or not line["custom_id"]:
        return "it has no custom_id"
    if line.get("method") != "POST" or line.get("url") != ENDPOINT:
        return f"method and url must be POST {ENDPOINT}"
    named = [field for field in PINNED if line["body"].get(field) is not None]
    return f"the body may not set {', '.join(named)}" if named else None


def _whole(world: World, account: Account, lines: Sequence[Line]) -> str | None:
    if not lines:
        return "the file is empty"
    ids = [line["custom_id"] for line in lines]
    if len(set(ids)) < len(ids):
        return "a custom_id is used twice"
    names = {str(line["body"].get("model")) for line in lines}
    if len(names) > 1:
        return f"one model per file, not {', '.join(sorted(names))}"
    model = world.callable_model(account, names.pop())
    if model is None:
        return "the model is not accessible"
    return None if model.family in FAMILIES[world.readings.batch_models] else f"{model.id} takes no batches"


def answered(world: World, account: Account, line: Line, refused_as: str | None) -> tuple[bool, dict[str, Any]]:
    """Run one line; say whether it succeeded, and what its line in the output or error file is."""
    try:
        if refused_as is not None:
            raise told_to(account, refused_as)
        solvent(world, account)
        model = model_of(world, account, line["body"])
        _, done = infer(world, account, model, line["body"], batch=True)
    except Refusal as refusal:
        return False, _failed(world, line, refusal)
    return True, _line(line, 200, shapes.body(done, dialect=world.dialect, readings=world.readings))


def _failed(world: World, line: Line, refusal: Refusal) -> dict[str, Any]:
    request = Received(method="POST", path=ENDPOINT, query={}, headers={}, at=world.clock())
    reply = rendered(refusal, request, world.dialect, world.product)
    body = msgspec.json.decode(reply.body)
    if world.readings.batch_error_line == "response":
        return _line(line, reply.status, body)
    error = {"code": body["error"]["type"], "message": body["error"]["message"]}
    return {"id": line["custom_id"], "custom_id": line["custom_id"], "response": None, "error": error}


def _line(line: Line, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """Lay a line out as the provider's sample: `id` repeats the custom_id, `request_id` is empty."""
    return {
        "id": line["custom_id"],
        "custom_id": line["custom_id"],
        "response": {"status_code": status, "request_id": "", "body": body},
        "error": None,
    }
