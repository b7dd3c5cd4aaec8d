"""A `Refusal` in the words and the envelope of one dialect. The words are rows of errors.toml; it decides nothing."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.resources
import tomllib
from typing import Any, Literal

from moongate.testing.exchange import Received, Refusal, Reply, reply_json

Dialect = Literal["moonshot", "openrouter", "aimlapi", "openai"]
Product = Literal["platform", "code"]


@functools.cache
def rows() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of errors.toml: dialect → name → row."""
    text = importlib.resources.files("moongate.testing").joinpath("errors.toml").read_text("utf-8")
    return tomllib.loads(text)


def row_of(name: str, dialect: str, product: str) -> dict[str, Any]:
    """Return the row that words this fault here: the product's, else the dialect's, else Moonshot's."""
    table = "code" if dialect == "moonshot" and product == "code" else dialect
    return rows()[table].get(name) or rows()["moonshot"][name]


def rendered(refusal: Refusal, request: Received, dialect: str, product: str) -> Reply:
    """Answer with this refusal as this dialect would."""
    if dialect == "moonshot" and refusal.name == "no_route":
        return url_not_found(request)
    row = row_of(refusal.name, dialect, product)
    message = row["message"].format_map({"method": request.method, "path": request.path, **refusal.fields})
    body = envelope(dialect, row, message, request)
    if request.path.startswith("/anthropic/") and row["status"] == 400:  # 401 and 429 are in OpenAI's shape there
        body = {"type": "error", "error": body["error"]}
    if "availability" in row:  # of a model that failed, since 2026-08-19
        said = {"code": row["availability"], "retryable": False, "requested_models": [refusal.fields.get("model")]}
        body["error"]["availability"] = said
    return reply_json(body, status=row["status"], headers=refusal.headers)


def url_not_found(request: Received) -> Reply:
    """Answer an unknown route or a wrong method as Moonshot's front does, whatever the key: `error` is a string."""
    body = {
        "code": 5,
        "error": "url.not_found",
        "message": "没找到对象",
        "method": request.method,
        "scode": "0x5",
        "status": False,
        "ua": "",
        "url": request.path,
    }
    return reply_json(body, status=404)


def envelope(dialect: str, row: dict[str, Any], message: str, request: Received) -> dict[str, Any]:
    """Put the message into the dialect's error document."""
    if dialect == "openrouter":
        return {"error": {"code": row["status"], "message": message}}
    if dialect == "aimlapi":
        return _flat(row["status"], message, request)
    error = {"message": message, "type": row.get("type", "invalid_request_error")}
    if dialect == "openai":
        error |= {"param": None, "code": row.get("code")}
    return {"error": error}


def _flat(status: int, message: str, request: Received) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(request.at, datetime.UTC).isoformat(timespec="milliseconds")
    return {
        "requestId": hashlib.sha256(f"{request.at}{request.path}".encode()).hexdigest()[:21],
        "statusCode": status,
        "timestamp": when.replace("+00:00", "Z"),
        "path": request.path,
        "message": message,
    }
