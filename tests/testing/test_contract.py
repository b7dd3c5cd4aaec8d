"""The offline server held against the contract that Moonshot publishes: every operation, every documented shape."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from moongate.testing import Account, Answer, Fault, MoonshotServer, Readings, ToolCall

Ask = Callable[..., Any]
DATA = Path(__file__).resolve().parent.parent / "data"
CONTRACT = json.loads((DATA / "moonshot-openapi.json").read_text("utf-8"))
UNDOCUMENTED = {
    (request, row["status"])
    for row in tomllib.loads((DATA / "undocumented.toml").read_text("utf-8"))["row"]
    for request in row["requests"]
}
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in CONTRACT["paths"].items()
    for method, operation in item.items()
}
HELLO = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
DOCUMENTED = Readings(
    tool_call_id_style=":", usage_in_stream="top", usage_null=True, cached_tokens="top", response_id="cmpl"
)


@dataclass(frozen=True)
class Seen:
    """One answer, under the operation of the contract that it belongs to."""

    operation: str
    status: int
    kind: str  # its content type without parameters
    body: bytes

    @property
    def values(self) -> list[Any]:
        """What its schema speaks of: the document, the text, or the JSON of every event."""
        if self.kind == "text/plain":
            return [self.body.decode()]
        if self.kind != "text/event-stream":
            return [json.loads(self.body)]
        lines = [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    @property
    def schema(self) -> dict[str, Any]:
        """The documented schema; an undocumented status has that of every error."""
        responses = OPERATIONS[self.operation]["responses"]
        if (self.operation, self.status) in UNDOCUMENTED:
            return {"$ref": "#/components/schemas/ErrorResponse"}
        schema: dict[str, Any] = responses[str(self.status)]["content"][self.kind]["schema"]
        return schema


class Caller:
    """Calls the server below its origin and keeps what it saw."""

    def __init__(self, ask: Ask, server: MoonshotServer, key: str | None = "") -> None:
        self._ask, self._server, self._key = ask, server, key
        self.seen: list[Seen] = []

    def __call__(self, operation: str, body: object = None, *, id_: str = "", query: str = "", **headers: str) -> Any:
        method, path = operation.split(" ")
        target = path.replace("{file_id}", id_).replace("{batch_id}", id_) + query
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        got = self._ask(self._server, method, "/" + target, body, key=self._key, headers=fields)
        self.seen.append(Seen(operation, got.status, got.headers["content-type"].partition(";")[0], got.body))
        return self.seen[-1].values[0]

    def upload(self, content: bytes, purpose: str = "batch") -> Any:
        form = httpx2.Request("POST", "http://x", files={"file": ("in.jsonl", content)}, data={"purpose": purpose})
        return self("POST /v1/files", form.read(), content_type=form.headers["content-type"])


def conforms(value: object, schema: dict[str, Any]) -> None:
    """Fail unless a value fits a schema, whose references lead into the contract."""
    jsonschema.Draft202012Validator({**schema, "components": CONTRACT["components"]}).validate(value)


def chat(**more: object) -> dict[str, object]:
    return {"model": "kimi-k2.6", "messages": HELLO, **more}


def line(number: int, model: str = "kimi-k2.6") -> bytes:
    asked = {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": chat(model=model)}
    return json.dumps(asked).encode() + b"\n"


def batch_of(file_id: str, **more: object) -> dict[str, object]:
    wanted = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return {**wanted, **more}


def tour(call: Caller, server: MoonshotServer) -> None:
    """Make every call that the contract has, in every form whose answer looks different."""
    call("GET /v1/models")
    call("GET /v1/users/me/balance")
    call("POST /v1/tokenizers/estimate-token-count", {"model": "kimi-k2.6", "messages": HELLO})
    chats(call, server)
    batches(call, server)
    files(call)


def chats(call: Caller, server: MoonshotServer) -> None:
    long = [{"role": "user", "content": "again and again " * 100}]
    calling = Answer(tool_calls=(ToolCall(name="look", arguments={"a": 1}), ToolCall(name="look")))
    for stream in (False, True):
        for include_usage in (False, True) if stream else (None,):
            form = {"stream": stream} | (
                {} if include_usage is None else {"stream_options": {"include_usage": include_usage}}
            )
            server.replies = ["one", "two", "a longer answer", calling, "silent"]
            call("POST /v1/chat/completions", chat(messages=long, **form))
            call("POST /v1/chat/completions", chat(messages=long, **form))  # from the cache now
            call("POST /v1/chat/completions", chat(max_tokens=1, **form))
            call("POST /v1/chat/completions", chat(tools=[TOOL], **form))
            call("POST /v1/chat/completions", chat(thinking={"type": "disabled"}, **form))


def batches(call: Caller, server: MoonshotServer) -> None:
    """Show a batch in each of its eight states."""
    source = call.upload(line(1) + line(2))["id"]
    server.batches.refuse = {"r2": "content_filter"}
    made = [call("POST /v1/batches", batch_of(source, metadata={"a": "b"}))["id"] for _ in range(4)]
    done, cancelled, failed, expired = made
    call("POST /v1/batches/{batch_id}/cancel", {}, id_=cancelled)
    server.batches.fail(failed)
    server.batches.expire(expired)
    for _ in range(4):
        for one in made:
            call("GET /v1/batches/{batch_id}", id_=one)
        server.batches.advance()
    call("GET /v1/batches")
    call("GET /v1/batches", query=f"?after={expired}&limit=1")
    call("GET /v1/files/{file_id}/content", id_=server.batches[done].output_file_id or "")


def files(call: Caller) -> None:
    for purpose in ("file-extract", "image", "video", "batch"):
        made = call.upload("晚上好".encode(), purpose)["id"]
        call("GET /v1/files/{file_id}", id_=made)
    call("GET /v1/files")
    call("GET /v1/files/{file_id}/content", id_=made)
    call("DELETE /v1/files/{file_id}", id_=made)


@pytest.fixture(params=[Readings(), DOCUMENTED], ids=["observed", "documented"])
def seen(request: pytest.FixtureRequest, ask: Ask) -> Iterator[list[Seen]]:
    with MoonshotServer(readings=request.param) as server:
        call = Caller(ask, server)
        tour(call, server)
        yield call.seen


def test_the_contract_is_one() -> None:
    assert len(OPERATIONS) == 13 and CONTRACT["openapi"] == "3.1.0"
    for name, schema in CONTRACT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator({**schema, "components": CONTRACT["components"]}).is_valid({"name": name})


def test_every_operation_answers_as_documented(seen: list[Seen]) -> None:
    assert {one.operation for one in seen} == OPERATIONS.keys()
    for one in seen:
        assert one.status == 200, one
        for value in one.values:
            conforms(value, one.schema)
    kinds = {(one.operation, one.kind) for one in seen}
    assert kinds == {
        (name, kind) for name, operation in OPERATIONS.items() for kind in operation["responses"]["200"]["content"]
    }


def test_every_documented_field_and_word_is_served(seen: list[Seen]) -> None:
    """Also those that no schema requires. What an answer has only sometimes is in one answer at least."""
    missing = {
        f"{name} {lost}"
        for name in OPERATIONS
        for kind in OPERATIONS[name]["responses"]["200"]["content"]
        for lost in unserved(
            OPERATIONS[name]["responses"]["200"]["content"][kind]["schema"],
            [value for one in seen if (one.operation, one.kind) == (name, kind) for value in one.values],
        )
    }
    assert not missing
    states = {one.values[0]["status"] for one in seen if one.operation == "GET /v1/batches/{batch_id}"}
    assert states == set(CONTRACT["components"]["schemas"]["BatchObject"]["properties"]["status"]["enum"])


def unserved(schema: dict[str, Any], values: list[Any], at: str = "") -> Iterator[str]:
    """Yield where a documented property is in none of the values."""
    if "$ref" in schema:
        schema = CONTRACT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "items" in schema:
        yield from unserved(schema["items"], [item for value in values for item in value or []], at + "[]")
    objects = [value for value in values if isinstance(value, dict)]
    for name, inner in schema.get("properties", {}).items():
        held = [value[name] for value in objects if name in value]
        if held:
            yield from unserved(inner, held, f"{at}.{name}")
        else:
            yield f"{at}.{name}"


@dataclass(frozen=True)
class Trouble:
    """A request that is refused: at which server, with what, and the status that it gets."""

    operation: str
    status: int
    body: object = None
    account: str = "rich"
    id_: str = "nothing-here"


TROUBLES = [
    *(Trouble(name, 401, {}, account) for name in OPERATIONS for account in ("nobody", "stranger")),
    *(Trouble(name, 404) for name, operation in OPERATIONS.items() if "404" in operation["responses"]),
    *(
        Trouble(name, 400, b"no json")
        for name in OPERATIONS
        if name.startswith("POST") and not name.endswith("cancel")
    ),
    *(Trouble(name, 413, b"x" * 4000) for name, status in UNDOCUMENTED if status == 413),
    *(Trouble(name, 404, chat(model="kimi-k2.6-turbo")) for name, status in UNDOCUMENTED if status == 404),
    *(Trouble(name, 400, chat(messages=[])) for name, status in UNDOCUMENTED if status == 404),
    Trouble("POST /v1/chat/completions", 429, chat(), "penniless"),
    Trouble("POST /v1/batches", 429, batch_of("{stored}"), "penniless"),
    Trouble("POST /v1/batches/{batch_id}/cancel", 400, {}, "rich", "{batch}"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: f"{one.operation} {one.status} {one.account}")
def test_every_refusal_is_a_documented_error(ask: Ask, trouble: Trouble) -> None:
    with MoonshotServer(body_max_bytes=2000) as server:
        rich, poor = server.accounts.default, server.accounts.add(Account(cash=0, voucher=0))  # type: ignore[arg-type]
        stored = server.files.add(poor, filename="in.jsonl", purpose="batch", content=line(1), at=0).id
        keys = {"nobody": None, "stranger": "sk-unknown", "rich": rich.key, "penniless": poor.key}
        call = Caller(ask, server, keys[trouble.account])
        text = (
            json.dumps(trouble.body).replace("{stored}", stored).encode() if isinstance(trouble.body, dict) else None
        )
        call(trouble.operation, text or trouble.body, id_=ended(call, server) if "{" in trouble.id_ else trouble.id_)
        last = call.seen[-1]
        assert last.status == trouble.status
        conforms(last.values[0], last.schema)
        assert last.values[0]["error"]["type"]


def ended(call: Caller, server: MoonshotServer) -> str:
    """Return the id of a batch that cannot be cancelled any more."""
    made: str = call("POST /v1/batches", batch_of(call.upload(line(1))["id"]))["id"]
    server.batches.fail(made)
    return made


def test_nothing_is_listed_as_undocumented_that_is_documented_or_never_sent() -> None:
    assert not {(name, status) for name, status in UNDOCUMENTED if str(status) in OPERATIONS[name]["responses"]}
    assert {(one.operation, one.status) for one in TROUBLES} >= UNDOCUMENTED


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_failure_is_a_documented_error(ask: Ask, server: MoonshotServer, name: str) -> None:
    if "500" not in OPERATIONS[name]["responses"]:
        assert name == "GET /v1/models"  # the only call for which no failure is documented
        return
    server.inject(Fault("refusal", name="unexpected"))
    call = Caller(ask, server)
    call(name, {})
    (last,) = call.seen
    assert last.status == 500
    conforms(last.values[0], last.schema)


def test_an_unknown_route_is_no_documented_error(ask: Ask, server: MoonshotServer) -> None:
    """Observed, not documented: the front answers before the platform does, and `error` is a text."""
    with pytest.raises(jsonschema.ValidationError):
        conforms(ask(server, "GET", "/nothing").json(), {"$ref": "#/components/schemas/ErrorResponse"})


@pytest.mark.parametrize(("purposes", "purpose"), [("four", "batch"), ("six", "batch_output")])
def test_an_output_file_has_a_purpose_that_its_page_knows(ask: Ask, purposes: Any, purpose: str) -> None:
    with MoonshotServer(readings=Readings(purposes=purposes)) as server:
        call = Caller(ask, server)
        made = call("POST /v1/batches", batch_of(call.upload(line(1))["id"]))["id"]
        server.batches.advance(steps=3)
        written = server.batches[made].output_file_id or ""
        assert call("GET /v1/files/{file_id}", id_=written)["purpose"] == purpose


def test_odd_requests_get_answers_not_failures(ask: Ask, server: MoonshotServer) -> None:
    """What fuzzing does not come upon by itself."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        deep = {"type": "object", "properties": {"a": deep}}
    tool = {"type": "function", "function": {"name": "look", "parameters": deep}}
    call = Caller(ask, server)
    assert "schema depth" in call("POST /v1/chat/completions", chat(tools=[tool]))["error"]["message"]
    call("GET /v1/batches", query="?limit=" + "9" * 5000)
    call("POST /v1/files", b"x", content_type="multipart/form-data; boundary*=utf-8''%E6%97%A5")
    call("POST /v1/batches", batch_of(call.upload(line(1))["id"], completion_window="\u0661\u0662h"))
    assert [one.status for one in call.seen] == [400, 200, 400, 200, 400]
    assert not server.failures
