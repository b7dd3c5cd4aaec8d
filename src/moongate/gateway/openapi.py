"""GET /openapi.json: every route of the gateway, what it takes and what it answers (OpenAPI 3.1). Pure.

A row for each operation; a test holds the rows against the routes that are served, `make interop` fuzzes by them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import moongate
from moongate.facts.files import PURPOSES
from moongate.gateway.metrics import CONTENT_TYPE

JSON = "application/json"
Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path."""

    method: Literal["get", "post", "patch", "delete"]
    path: str
    summary: str
    key: Literal["account", "admin"] | None = "account"  # whose key it wants
    body: Schema | None = None
    body_type: str = JSON
    answers: Mapping[int, Mapping[str, Schema]]  # status → content type → schema
    refusals: tuple[int, ...] = ()  # statuses with the error envelope
    query: Mapping[str, Schema] = field(default_factory=dict)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str = "", **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required.split()}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MONEY: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
ANY: Schema = {"type": "object"}
EVENTS: Schema = {"description": "Events whose data are chunks of the answer, then [DONE]; a comment closes it."}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
MAYBE_COUNT: Schema = {"type": ["integer", "null"], "minimum": 1}
MAYBE_TEXTS: Schema = {"type": ["array", "null"], "items": TEXT}
LIMITS: Mapping[str, Schema] = {
    "models": MAYBE_TEXTS,
    "providers": MAYBE_TEXTS,
    "budget_day": MAYBE_TEXT,
    "budget_month": MAYBE_TEXT,
    "rpm": MAYBE_COUNT,
    "tpm": MAYBE_COUNT,
    "concurrency": MAYBE_COUNT,
    "expires_at": MAYBE_TEXT,
    "tags": MAYBE_TEXTS,
}

MESSAGES = {**_list(_ref("Message")), "minItems": 1}
SCHEMAS: Mapping[str, Schema] = {
    "Error": _object(
        "error",
        error=_object(
            "message type code param suggestions",
            message=TEXT,
            type=TEXT,
            code={"type": ["string", "null"]},
            param={"type": ["string", "null"]},
            suggestions=_list(TEXT),
        ),
    ),
    "NoRoute": _object("code error message method scode status ua url", error={"const": "url.not_found"}, url=TEXT),
    "Message": _object("role", role=TEXT, content={"type": ["string", "array", "null"]}),
    "ChatRequest": _object(
        "model messages",
        model=NAME,
        messages=MESSAGES,
        stream={"type": "boolean"},
        max_tokens={"type": "integer"},
        max_completion_tokens={"type": "integer"},
    ),
    "ChatAnswer": _object("choices", id=TEXT, model=TEXT, choices=_list(ANY), usage=ANY),
    "Models": _object("object data", object={"const": "list"}, data=_list(_ref("Model"))),
    "Model": _object(
        "id object created owned_by context_length supports_image_in supports_video_in supports_reasoning",
        id=TEXT,
        object={"const": "model"},
        created={"type": "integer"},
        owned_by=TEXT,
        context_length={"type": ["integer", "null"]},
        supports_image_in={"type": "boolean"},
        supports_video_in={"type": "boolean"},
        supports_reasoning={"type": "boolean"},
        suffixes=_list(TEXT),
        pricing=_object("prompt completion input_cache_read currency note", prompt=MONEY, currency=TEXT, note=TEXT),
    ),
    "Balance": _object(
        "code data scode status",
        code={"const": 0},
        data=_object(
            "available_balance voucher_balance cash_balance",
            available_balance=NUMBER,
            voucher_balance=NUMBER,
            cash_balance=NUMBER,
        ),
        status={"const": True},
    ),
    "EstimateRequest": _object("model messages", model=NAME, messages=MESSAGES),
    "Estimate": _object("data", data=_object("total_tokens", total_tokens=COUNT)),
    "File": _object(
        "id object bytes created_at filename purpose status",
        id=TEXT,
        object={"const": "file"},
        bytes=COUNT,
        created_at=COUNT,
        filename=TEXT,
        purpose=TEXT,
        status=TEXT,
    ),
    "Files": _object(
        "object data has_more", object={"const": "list"}, data=_list(_ref("File")), has_more={"type": "boolean"}
    ),
    "NewFile": _object("file purpose", file={"type": "string", "format": "binary"}, purpose={"enum": list(PURPOSES)}),
    "Batch": _object(
        "id object endpoint input_file_id completion_window status created_at request_counts",
        id=TEXT,
        object={"const": "batch"},
        endpoint=TEXT,
        input_file_id=TEXT,
        completion_window=TEXT,
        status=TEXT,
        created_at=COUNT,
        output_file_id=MAYBE_TEXT,
        error_file_id=MAYBE_TEXT,
        request_counts=_object("total completed failed", total=COUNT, completed=COUNT, failed=COUNT),
        errors={"type": ["object", "null"]},
        metadata={"type": ["object", "null"]},
    ),
    "Batches": _object(
        "object data has_more", object={"const": "list"}, data=_list(_ref("Batch")), has_more={"type": "boolean"}
    ),
    "NewBatch": _object(
        "input_file_id endpoint completion_window",
        input_file_id=TEXT,
        endpoint={"const": "/v1/chat/completions"},
        completion_window={"type": "string", "pattern": "^[0-9]{1,4}[hd]$"},
        metadata={"type": ["object", "null"]},
    ),
    "Account": _object("name balance currency created_at", name=TEXT, balance=MONEY, currency=TEXT, created_at=TEXT),
    "NewAccount": _object("name", name=NAME, balance=MONEY, currency=TEXT),
    "Key": _object(
        "id prefix account name created_at",
        id={"type": "integer"},
        prefix=TEXT,
        account=TEXT,
        name=TEXT,
        created_at=TEXT,
        rotated_at=MAYBE_TEXT,
        revoked_at=MAYBE_TEXT,
        key={"type": "string", "description": "The secret, in the answer that makes it and in no other."},
        **LIMITS,
    ),
    "NewKey": _object("account", account=NAME, name=TEXT, **LIMITS),
    "Limits": _object("", **LIMITS),
    "Health": _object("status", status=TEXT, models=COUNT),
}

UPSTREAM = (404, 429, 500, 502, 503, 504)  # what may come of asking an upstream
BODY = (400, 408, 413, 415)
OWN = (401, 403, 500, 503)
PAGE: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}
ADMIN = (401, 403, 500, 503)
FORMATS: Schema = {"type": "string", "enum": ["json", "csv"]}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="get",
        path="/v1/models",
        summary="Every spelling that the key may ask for, with its price",
        answers={200: {JSON: _ref("Models")}},
        refusals=(401, 403, 500, 503),
    ),
    Operation(
        method="post",
        path="/v1/chat/completions",
        summary="A chat, plain or streamed",
        body=_ref("ChatRequest"),
        answers={200: {JSON: _ref("ChatAnswer"), "text/event-stream": EVENTS}},
        refusals=(*BODY, 401, 403, 417, 431, *UPSTREAM),
    ),
    Operation(
        method="get",
        path="/v1/users/me/balance",
        summary="The caller's own account",
        answers={200: {JSON: _ref("Balance")}},
        refusals=(401, 403, 500, 503),
    ),
    Operation(
        method="post",
        path="/v1/tokenizers/estimate-token-count",
        summary="The tokens of a prompt, counted by the upstream",
        body=_ref("EstimateRequest"),
        answers={200: {JSON: _ref("Estimate")}},
        refusals=(*BODY, 401, 403, *UPSTREAM),
    ),
    Operation(
        method="post",
        path="/v1/files",
        summary="Upload a file: for a batch, or for an upstream to extract text of or to look at",
        body=_ref("NewFile"),
        body_type="multipart/form-data",
        answers={200: {JSON: _ref("File")}},
        refusals=(400, 401, 403, 408, 415, *UPSTREAM),
    ),
    Operation(
        method="get",
        path="/v1/files",
        summary="The account's files, newest first",
        query={"purpose": TEXT, "after": TEXT, "limit": PAGE},
        answers={200: {JSON: _ref("Files")}},
        refusals=(400, *OWN),
    ),
    Operation(
        method="get",
        path="/v1/files/{file_id}",
        summary="One of them",
        answers={200: {JSON: _ref("File")}},
        refusals=(401, 403, *UPSTREAM),
    ),
    Operation(
        method="delete",
        path="/v1/files/{file_id}",
        summary="Delete a file",
        answers={200: {JSON: _object("id object deleted", id=TEXT, object={"const": "file"})}},
        refusals=(401, 403, *UPSTREAM),
    ),
    Operation(
        method="get",
        path="/v1/files/{file_id}/content",
        summary="What a file says",
        answers={200: {"text/plain": TEXT}},
        refusals=(401, 403, *UPSTREAM),
    ),
    Operation(
        method="post",
        path="/v1/batches",
        summary="Have the lines of a file answered",
        body=_ref("NewBatch"),
        answers={200: {JSON: _ref("Batch")}},
        refusals=(*BODY, *OWN),
    ),
    Operation(
        method="get",
        path="/v1/batches",
        summary="The account's batches, newest first",
        query={"after": TEXT, "limit": PAGE},
        answers={200: {JSON: _ref("Batches")}},
        refusals=(400, *OWN),
    ),
    Operation(
        method="get",
        path="/v1/batches/{batch_id}",
        summary="One of them, and how far it is",
        answers={200: {JSON: _ref("Batch")}},
        refusals=(404, *OWN),
    ),
    Operation(
        method="post",
        path="/v1/batches/{batch_id}/cancel",
        summary="Let no more of its lines leave",
        answers={200: {JSON: _ref("Batch")}},
        refusals=(400, 404, *OWN),
    ),
    Operation(
        method="get",
        path="/health/live",
        summary="Whether the process answers",
        key=None,
        answers={200: {JSON: _ref("Health")}},
    ),
    Operation(
        method="get",
        path="/health/ready",
        summary="Whether any upstream's list was had",
        key=None,
        answers={200: {JSON: _ref("Health")}, 503: {JSON: _ref("Health")}},
    ),
    Operation(
        method="get",
        path="/metrics",
        summary="What all workers counted, as Prometheus reads it",
        key="admin",
        answers={200: {CONTENT_TYPE: TEXT}},
        refusals=(401, 503),
    ),
    Operation(method="get", path="/openapi.json", summary="This document", key=None, answers={200: {JSON: ANY}}),
    Operation(
        method="get",
        path="/admin/accounts",
        summary="Every account",
        key="admin",
        answers={200: {JSON: _object("accounts", accounts=_list(_ref("Account")))}},
        refusals=ADMIN,
    ),
    Operation(
        method="post",
        path="/admin/accounts",
        summary="Add an account",
        key="admin",
        body=_ref("NewAccount"),
        answers={201: {JSON: _ref("Account")}},
        refusals=(*ADMIN, *BODY),
    ),
    Operation(
        method="post",
        path="/admin/accounts/{name}/top-up",
        summary="Add money to an account",
        key="admin",
        body=_object("amount", amount=MONEY),
        answers={200: {JSON: _ref("Account")}},
        refusals=(*ADMIN, *BODY, 404),
    ),
    Operation(
        method="get",
        path="/admin/keys",
        summary="Every key, without its secret",
        key="admin",
        query={"account": TEXT},
        answers={200: {JSON: _object("keys", keys=_list(_ref("Key")))}},
        refusals=(*ADMIN, 404),
    ),
    Operation(
        method="post",
        path="/admin/keys",
        summary="Make a key",
        key="admin",
        body=_ref("NewKey"),
        answers={201: {JSON: _ref("Key")}},
        refusals=(*ADMIN, *BODY, 404),
    ),
    Operation(
        method="patch",
        path="/admin/keys/{key}",
        summary="Change a key's limits; null lifts one",
        key="admin",
        body=_ref("Limits"),
        answers={200: {JSON: _ref("Key")}},
        refusals=(*ADMIN, *BODY, 404),
    ),
    Operation(
        method="post",
        path="/admin/keys/{key}/rotate",
        summary="Give a key another secret",
        key="admin",
        answers={200: {JSON: _ref("Key")}},
        refusals=(*ADMIN, 400, 404),
    ),
    Operation(
        method="delete",
        path="/admin/keys/{key}",
        summary="End a key",
        key="admin",
        answers={200: {JSON: _ref("Key")}},
        refusals=(*ADMIN, 400, 404),
    ),
    Operation(
        method="get",
        path="/admin/usage",
        summary="What was used, by groups",
        key="admin",
        query={"by": TEXT, "days": {"type": "integer", "minimum": 1, "maximum": 3660}, "format": FORMATS},
        answers={200: {JSON: _object("usage", usage=_list(ANY)), "text/csv": TEXT}},
        refusals=(*ADMIN, 400),
    ),
    Operation(
        method="get",
        path="/admin/content/{request_id}",
        summary="What was said in a call, where log_content was on",
        key="admin",
        answers={200: {JSON: ANY}},
        refusals=(*ADMIN, 404),
    ),
    Operation(method="get", path="/", summary="The status page", key=None, answers={200: {"text/html": TEXT}}),
)


@functools.cache
def document() -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "moongate",
            "version": moongate.__version__,
            "description": "The Moonshot API over the upstreams of this gateway, behind a guard, metered.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "account": {"type": "http", "scheme": "bearer", "description": "A key of an account."},
                "admin": {"type": "http", "scheme": "bearer", "description": "The admin key."},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    answers = {str(status): _answer(content) for status, content in operation.answers.items()}
    for status in sorted(set(operation.refusals)):
        answers.setdefault(str(status), _answer({JSON: _ref("Error")}))
    found: dict[str, Any] = {
        "summary": operation.summary,
        "security": [] if operation.key is None else [{operation.key: []}],
        "responses": answers,
    }
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    if names or operation.query:
        found["parameters"] = [
            *({"name": name, "in": "path", "required": True, "schema": NAME} for name in names),
            *({"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()),
        ]
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": {operation.body_type: {"schema": operation.body}}}
    return found


def _answer(content: Mapping[str, Schema]) -> dict[str, Any]:
    schemas = {kind: {"schema": schema} for kind, schema in content.items()}
    return {"description": "", "content": schemas}
