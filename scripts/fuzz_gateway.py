"""Let schemathesis look for requests that the gateway answers against its own OpenAPI document.

    python scripts/fuzz_gateway.py

Serves a gateway over the offline Moonshot server, fetches `/openapi.json` from it, and asks of every answer what
`fuzz_contract` asks: no server error, a documented status, a body that fits. Twice: with an account's key, then with
the admin key. Bodies that are accepted are added as examples, so that the run gets past the first refusal.

The run is seeded. Exit code: 0 when nothing was found and every operation was accepted at least once, else 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx2
from fuzz_contract import CHATS, HELLO, found, installed, run, tell
from real_clients import Served, gateway

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [{"model": "kimi-k2.6", "messages": HELLO, **more} for more in CHATS],
    "/v1/tokenizers/estimate-token-count": [{"model": "kimi-k2.6", "messages": HELLO}],
    "/admin/accounts": [{"name": "fuzzed", "balance": "1", "currency": "USD"}],
    "/admin/accounts/{name}/top-up": [{"amount": "1.5"}],
    "/admin/keys": [{"account": "clients", "rpm": 60, "tags": ["fuzzed"]}],
    "/admin/keys/{key}": [{"budget_day": "1.5"}],
}
TOO_LATE = "POST /v1/batches/{batch_id}/cancel was never accepted"  # of a batch that has ended, it never is


def main() -> int:
    """Build the environment, run the tool with either key, tell what came out, and return the exit code."""
    findings: list[str] = []
    with tempfile.TemporaryDirectory(prefix="moongate-fuzz-") as folder:
        program = installed(Path(folder))
        with gateway(Path(folder)) as served:
            url, keys = served.base_url.removesuffix("/v1"), {"account": served.key, "admin": served.admin_key}
            document = httpx2.get(f"{url}/openapi.json", trust_env=False).raise_for_status().json()
            for whose, key in keys.items():
                contract = only(document, whose, served)
                report = run(program, Path(folder), contract, url=url, key=key)
                told = [finding for finding in found(report) if finding != TOO_LATE]
                tell(report, told)
                findings += told
    return 1 if findings else 0


def asked_before(served: Served) -> str:
    """Return the id of a call whose content is kept."""
    answer = httpx2.post(
        f"{served.base_url}/chat/completions",
        json=EXAMPLES["/v1/chat/completions"][0],
        headers={"authorization": f"Bearer {served.key}"},
        trust_env=False,
    )
    return str(answer.raise_for_status().headers["msh-request-id"])


def stored(served: Served) -> str:
    """Upload a file of one request, and return its id."""
    asked = {"model": "kimi-k2.6", "messages": HELLO}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": asked}
    return str(
        httpx2.post(
            f"{served.base_url}/files",
            files={"file": ("in.jsonl", json.dumps(line).encode())},
            data={"purpose": "batch"},
            headers={"authorization": f"Bearer {served.key}"},
            trust_env=False,
        )
        .raise_for_status()
        .json()["id"]
    )


def order(served: Served) -> dict[str, Any]:
    """Return what a batch is asked for with."""
    window = {"endpoint": "/v1/chat/completions", "completion_window": "24h", "metadata": {"a": "b"}}
    return {"input_file_id": stored(served), **window}


def made(served: Served, name: str) -> str:
    """Return what a parameter of a path may name; each operation has its own, since some use theirs up."""
    if name == "file_id":
        return stored(served)
    if name == "batch_id":
        key = {"authorization": f"Bearer {served.key}"}
        answer = httpx2.post(f"{served.base_url}/batches", json=order(served), headers=key, trust_env=False)
        return str(answer.raise_for_status().json()["id"])
    return asked_before(served) if name == "request_id" else {"key": "1", "name": "clients"}[name]


def only(document: dict[str, Any], whose: str, served: Served) -> dict[str, Any]:
    """Return the document with the operations that a key opens, those that need none with the account's."""
    examples = EXAMPLES | {"/v1/batches": [order(served)]}
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            (wanted, *_) = [name for each in operation["security"] for name in each] or ["account"]
            if wanted == whose:
                paths.setdefault(path, {})[method] = with_examples(operation, examples.get(path, []))
                for parameter in operation.get("parameters", ()):
                    if parameter["in"] == "path":
                        parameter["example"] = made(served, parameter["name"])
    return {**document, "paths": paths}


def with_examples(operation: dict[str, Any], bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an operation with the bodies that are known to be accepted."""
    if bodies and "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        content["examples"] = {str(number): {"value": body} for number, body in enumerate(bodies)}
    return operation


if __name__ == "__main__":
    sys.exit(main())
