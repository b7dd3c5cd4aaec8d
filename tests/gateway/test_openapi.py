"""The gateway's own document: every route is in it, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
from starlette.routing import Route

from moongate.gateway.app import Gateway
from moongate.gateway.openapi import OPERATIONS, document
from moongate.gateway.tenants.routes import Tenants

HOT = ("post", "/v1/chat/completions")  # answered by the protocol


def test_every_route_is_described_and_nothing_else() -> None:
    till: Any = SimpleNamespace(flush=None)
    nothing: Any = None
    gateway = Gateway(nothing, till, nothing, nothing, nothing)
    gateway.more = Tenants(gateway.gate, nothing, nothing, nothing, nothing).routes()
    app = gateway.app()
    routes = [route for route in app.routes if isinstance(route, Route)]
    served = {(method.lower(), route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert {(operation.method, operation.path) for operation in OPERATIONS} == served | {HOT}


def test_it_is_served_to_anybody_as_it_is(client: Any) -> None:
    got = client.ask("GET", "/openapi.json", headers={"authorization": None})
    assert (got.status, got.json()) == (200, json.loads(json.dumps(document())))


def test_answers_fit_what_it_says(client: Any, kit: Any) -> None:
    told = document()

    def check(path: str, method: str, got: Any) -> None:
        schema = told["paths"][path][method]["responses"][str(got.status)]["content"]["application/json"]["schema"]
        jsonschema.validate(got.json(), {**schema, "components": told["components"]})

    check("/v1/models", "get", client.ask("GET", "/v1/models"))
    check("/v1/models", "get", client.ask("GET", "/v1/models", headers={"authorization": None}))
    check("/v1/users/me/balance", "get", client.ask("GET", "/v1/users/me/balance"))
    check("/v1/chat/completions", "post", client.chat())
    check("/v1/chat/completions", "post", client.chat(kit.body(model="kimi-k2-6")))
    check("/health/live", "get", client.ask("GET", "/health/live"))


def test_every_status_that_is_documented_has_an_example_on_the_page() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "gateway.md").read_text("utf-8")
    shown = {int(found) for found in re.findall(r"^\*\*(\d{3})\*\*, ", page, re.MULTILINE)}
    told = {
        int(status) for path in document()["paths"].values() for op in path.values() for status in op["responses"]
    }
    assert shown == {status for status in told if status >= 400}
