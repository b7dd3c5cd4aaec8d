"""Every body that the published contract allows is read, and read rightly.

Bodies are made from the documented schemas: the least and the most that each allows, and any between.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moongate.errors import MoongateError, ServerError
from moongate.facts.batches import Batch
from moongate.facts.chat import Answer, Chunk
from moongate.facts.money import Balance, Money
from moongate.facts.providers import built_in
from moongate.wire import batchcalls, calls, filecalls
from moongate.wire.listing import listing_from
from moongate.wire.replies import Reply, error_from
from moongate.wire.stream import ChatStream

CONTRACT = json.loads((Path(__file__).resolve().parent.parent / "data" / "moonshot-openapi.json").read_text("utf-8"))
ROW = built_in()["moonshot"]
Schema = Mapping[str, Any]
TEXTS = st.text(max_size=12)
IDS = st.from_regex(r"[a-z0-9.:/-]{1,16}", fullmatch=True)
SCALARS: Mapping[str, tuple[Any, Any, st.SearchStrategy[Any]]] = {
    # type: the least, the usual, any; counts and times are never negative, which the contract leaves unsaid
    "string": ("", "晚上好", TEXTS),
    "integer": (0, 7, st.integers(0, 2**53)),
    "number": (0, -1.25, st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9)),
    "boolean": (False, True, st.booleans()),
    "null": (None, None, st.none()),
}


def schema_of(operation: str, kind: str = "application/json") -> Schema:
    """Return the schema of an operation's answer."""
    method, path = operation.split(" ")
    return resolved(CONTRACT["paths"][path][method.lower()]["responses"]["200"]["content"][kind]["schema"])


def resolved(schema: Schema) -> Schema:
    """Return what a reference stands for."""
    while "$ref" in schema:
        schema = CONTRACT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def types(schema: Schema) -> list[str]:
    found = schema["type"]
    return found if isinstance(found, list) else [found]


def least(schema: Schema, *needed: str) -> Any:
    """Return the smallest value: nothing optional but the fields in `needed`, null where that is allowed."""
    schema = resolved(schema)
    kinds = types(schema)
    if "null" in kinds:
        return None
    if kinds[0] == "array":
        return [least(schema["items"], *needed)]
    if kinds[0] == "object":
        wanted = {*schema.get("required", ()), *needed}
        return {name: least(inner, *needed) for name, inner in schema["properties"].items() if name in wanted}
    return schema["enum"][0] if "enum" in schema else SCALARS[kinds[0]][0]


def most(schema: Schema) -> Any:
    """Return a value with every documented field."""
    schema = resolved(schema)
    kind = types(schema)[0]
    if kind == "array":
        return [most(schema["items"])]
    if kind == "object" and "properties" not in schema:
        return {"晚": most(schema["additionalProperties"])}
    if kind == "object":
        return {name: most(inner) for name, inner in schema.get("properties", {}).items()}
    return schema["enum"][0] if "enum" in schema else SCALARS[kind][1]


def anything(schema: Schema, *needed: str) -> st.SearchStrategy[Any]:
    """Draw values between the two."""
    schema = resolved(schema)
    return st.one_of(*(_of(kind, schema, needed) for kind in types(schema)))


def _of(kind: str, schema: Schema, needed: tuple[str, ...]) -> st.SearchStrategy[Any]:
    if kind == "array":
        return st.lists(anything(schema["items"], *needed), min_size=1, max_size=3)
    if kind == "object" and "properties" not in schema:
        return st.dictionaries(TEXTS, anything(schema["additionalProperties"]), max_size=3)
    if kind == "object":
        wanted = {*schema.get("required", ()), *needed}
        fields = {
            name: IDS if name == "id" else anything(inner, *needed) for name, inner in schema["properties"].items()
        }
        return st.fixed_dictionaries(
            {name: field for name, field in fields.items() if name in wanted},
            optional={name: field for name, field in fields.items() if name not in wanted},
        )
    if "enum" in schema and kind != "null":
        return st.sampled_from([word for word in schema["enum"] if word is not None])
    return SCALARS[kind][2]


def reply(value: object, status: int = 200) -> Reply:
    return Reply(status=status, headers={"content-type": "application/json"}, body=json.dumps(value).encode())


def read(call: calls.Call[Any], value: object) -> Any:
    return call.decode(reply(value))


# What each reader must have made of a body.


def models(body: Any) -> None:
    raw = reply(body).body
    listing = listing_from(raw, ROW, fetched_at=0.0)
    rows = {row["id"]: row for row in reversed(body["data"]) if row["id"]}  # of two rows with an id the first counts
    assert {model.id for model in listing.models} == rows.keys() and listing.body == raw
    for model in listing.models:
        row = rows[model.id]
        assert model.context_length == (row.get("context_length") or None)
        assert model.reasoning == row.get("supports_reasoning")
        flags = {"image": row.get("supports_image_in"), "video": row.get("supports_video_in")}
        assert model.input == ("text", *(kind for kind, on in flags.items() if on))


def money(body: Any) -> None:
    got: Balance = read(calls.balance(ROW), body)
    amounts = {name: Money.of(Decimal(repr(value)), "USD") for name, value in body["data"].items()}
    assert (got.available, got.cash, got.voucher) == (
        amounts["available_balance"],
        amounts["cash_balance"],
        amounts["voucher_balance"],
    )


def estimate(body: Any) -> None:
    assert read(calls.estimate(ROW, model="kimi-k2.6", messages=[]), body) == body["data"]["total_tokens"]


def answer(body: Any) -> None:
    got: Answer = read(calls.chat(ROW, b"{}", model="kimi-k2.6"), body)
    first = body["choices"][0]
    message = first.get("message", {})
    assert (got.id, got.model) == (body.get("id", ""), body.get("model", ""))
    assert (got.content, got.reasoning) == (message.get("content") or "", message.get("reasoning_content") or None)
    assert got.finish_reason == first.get("finish_reason")
    assert [(call.id, call.name, call.arguments) for call in got.tool_calls] == [
        (call.get("id", ""), *(call.get("function", {}).get(name, "") for name in ("name", "arguments")))
        for call in message.get("tool_calls", [])
    ]
    assert counted(got.usage) == counts(body.get("usage"))


def counts(usage: Any) -> tuple[int, ...] | None:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens")
    return None if usage is None else tuple(usage.get(name, 0) for name in names)


def counted(usage: Any) -> tuple[int, ...] | None:
    return None if usage is None else (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)


def stream(body: Any) -> None:
    """Let the same event come three times, in pieces of five bytes."""
    reader = ChatStream(ROW, asked_model="kimi-k2.6")
    wire = (b"data: " + reply(body).body + b"\n\n") * 3 + b"data: [DONE]\n\n"
    chunks: list[Chunk] = [c for at in range(0, len(wire), 5) for c in reader.feed(wire[at : at + 5])]
    choice = next((one for one in body.get("choices", ()) if one.get("index", 0) == 0), {})
    delta = choice.get("delta", {})
    assert [c.content for c in chunks] == [delta.get("content", "")] * 3
    assert [len(c.tool_calls) for c in chunks] == [len(delta.get("tool_calls", ()))] * 3
    whole = reader.finish()
    assert whole.content == delta.get("content", "") * 3
    assert whole.finish_reason == choice.get("finish_reason")
    usage = body.get("usage") if body.get("usage") is not None else choice.get("usage")
    assert counted(whole.usage) == counts(usage)  # once, however often it is told


def file(body: Any) -> None:
    source = filecalls.Source(filename="a", size=1, open=lambda: io.BytesIO(b"a"))
    for call in (filecalls.show(ROW, "file-1"), filecalls.upload(ROW, source, purpose="batch", boundary="b")):
        got = read(call, body)
        assert {name: getattr(got, name) for name in body if name != "object"} == {
            name: value for name, value in body.items() if name != "object"
        }


def listed(body: Any) -> None:
    got = read(filecalls.listed(ROW), body)
    assert [(one.id, one.bytes, one.purpose) for one in got] == [
        (one["id"], one["bytes"], one["purpose"]) for one in body["data"]
    ]


def deleted(body: Any) -> None:
    assert read(filecalls.delete(ROW, "file-1"), body) is body["deleted"]


def batch(body: Any) -> None:
    for call in (
        batchcalls.create(ROW, input_file_id="file-1"),
        batchcalls.retrieve(ROW, "batch-1"),
        batchcalls.cancel(ROW, "batch-1"),
    ):
        same(read(call, body), body)


def same(got: Batch, body: Any) -> None:
    shown = msgspec.to_builtins(got)
    assert {name: shown[name] for name in body if name in shown} == {
        name: value for name, value in body.items() if name in shown
    }
    assert body.keys() - shown.keys() <= {"object"}


def batches(body: Any) -> None:
    page = read(batchcalls.listed(ROW), body)
    assert page.has_more is body.get("has_more", False) and len(page.data) == len(body["data"])
    for got, said in zip(page.data, body["data"], strict=True):
        same(got, said)


Check = Callable[[Any], None]
# An answer without choices and a row without an id are allowed on paper; both are errors, tested with their readers.
READERS: Mapping[tuple[str, str], tuple[Check, tuple[str, ...]]] = {
    ("GET /v1/models", "application/json"): (models, ("data", "id")),
    ("GET /v1/users/me/balance", "application/json"): (money, ()),
    ("POST /v1/tokenizers/estimate-token-count", "application/json"): (estimate, ()),
    ("POST /v1/chat/completions", "application/json"): (answer, ("choices",)),
    ("POST /v1/chat/completions", "text/event-stream"): (stream, ()),
    ("POST /v1/files", "application/json"): (file, ()),
    ("GET /v1/files", "application/json"): (listed, ()),
    ("GET /v1/files/{file_id}", "application/json"): (file, ()),
    ("DELETE /v1/files/{file_id}", "application/json"): (deleted, ()),
    ("POST /v1/batches", "application/json"): (batch, ()),
    ("GET /v1/batches", "application/json"): (batches, ()),
    ("GET /v1/batches/{batch_id}", "application/json"): (batch, ()),
    ("POST /v1/batches/{batch_id}/cancel", "application/json"): (batch, ()),
}
EACH = pytest.mark.parametrize("answered", READERS, ids=" ".join)


def test_every_documented_body_has_a_reader() -> None:
    documented = {
        (f"{method.upper()} {path}", kind)
        for path, item in CONTRACT["paths"].items()
        for method, operation in item.items()
        for kind in operation["responses"]["200"]["content"]
    }
    assert documented - {("GET /v1/files/{file_id}/content", "text/plain")} == READERS.keys()


def fits(value: object, answered: tuple[str, str]) -> None:
    schema = {**schema_of(*answered), "components": CONTRACT["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


@EACH
def test_the_least_and_the_most(answered: tuple[str, str]) -> None:
    check, needed = READERS[answered]
    schema = schema_of(*answered)
    small, large = least(schema, *needed), most(schema)
    if "id" in needed:
        small["data"][0]["id"] = "m"  # an empty id is none
    for body in (small, large):
        fits(body, answered)
        check(body)


@EACH
@settings(max_examples=30)
@given(data=st.data())
def test_anything_between(answered: tuple[str, str], data: st.DataObject) -> None:
    check, needed = READERS[answered]
    body = data.draw(anything(schema_of(*answered), *needed))
    fits(body, answered)
    check(body)


@given(st.binary(max_size=200))
def test_the_content_of_a_file_comes_as_it_is(content: bytes) -> None:
    assert filecalls.content(ROW, "file-1").decode(Reply(status=200, body=content)) == content


@pytest.mark.parametrize("status", [400, 401, 404, 500])
@settings(max_examples=10)
@given(data=st.data())
def test_every_documented_error_says_what_the_provider_said(status: int, data: st.DataObject) -> None:
    body = data.draw(anything({"$ref": "#/components/schemas/ErrorResponse"}))
    body["error"]["message"] = "the provider's own words"
    got = error_from(reply(body, status), ROW)
    assert isinstance(got, MoongateError) and got.status == status
    assert "the provider's own words" in (got.provider_message or "")
    assert isinstance(got, ServerError) or status != 500
