"""Let schemathesis look for requests that the offline server answers against the published contract.

    python scripts/fuzz_contract.py

Builds an environment that is thrown away, starts `MoonshotServer`, and asks three things of every answer: is it no
server error, is its status documented, does its body fit the documented schema. The contract is
tests/data/moonshot-openapi.json; statuses that Moonshot sends without documenting them come, with their reasons,
from tests/data/undocumented.toml, and their bodies must fit too. What a run needs in order to get past the first
refusal (bodies that are accepted, ids that exist) is added as examples.

The run is seeded. Exit code: 0 when nothing was found and every operation was accepted at least once, else 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2

from moongate.testing import Account, MoonshotServer

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"
TOOL = "schemathesis>=4.32,<5"
CHECKS = "not_a_server_error,status_code_conformance,response_schema_conformance"
MAX_EXAMPLES, SEED = 25, 1
HELLO = [{"role": "user", "content": "hello"}]
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CHATS: tuple[dict[str, Any], ...] = (
    {},
    {"stream": True, "stream_options": {"include_usage": True}},
    {"thinking": {"type": "disabled"}, "tools": [LOOK], "tool_choice": "required"},
    {"response_format": {"type": "json_object"}, "max_completion_tokens": 20, "stop": ["x"]},
)
ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}


def main() -> int:
    """Build the environment, run the tool in it against a server, tell what came out, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="moongate-fuzz-") as folder:
        program = installed(Path(folder))
        contract = json.loads((DATA / "moonshot-openapi.json").read_text("utf-8"))
        rich = Account(cash=Decimal(10**9))
        with MoonshotServer(models_of(contract), accounts=[rich]) as server:
            enriched(contract, server)
            report = run(program, Path(folder), contract, url=server.origin, key=server.key)
            findings = [*map(repr, server.failures), *found(report)]
    tell(report, findings)
    return 1 if findings else 0


def installed(folder: Path) -> str:
    """Install the tool into an environment in this folder and return its program."""
    venv.create(folder / "env", with_pip=True)
    python = str(folder / "env" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", TOOL], check=True)
    return str(folder / "env" / "bin" / "schemathesis")


def models_of(contract: dict[str, Any]) -> list[str]:
    """Return every model that the contract names, so that few requests end with "no such model"."""
    names: list[str] = contract["components"]["schemas"]["EstimateTokenRequest"]["properties"]["model"]["enum"]
    return names


def enriched(contract: dict[str, Any], server: MoonshotServer) -> None:
    """Add to the contract the statuses that are known to be missing, and examples that this server accepts."""
    paths = contract["paths"]
    for row in tomllib.loads((DATA / "undocumented.toml").read_text("utf-8"))["row"]:
        for method, path in (request.split(" ") for request in row["requests"]):
            paths[path][method.lower()]["responses"][str(row["status"])] = {"content": ERROR}
    for path, bodies in examples(server).items():
        content = paths[path]["post"]["requestBody"]["content"]["application/json"]
        content["examples"] = {str(number): {"value": body} for number, body in enumerate(bodies)}
    for path, item in paths.items():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["example"] = made(server, path)


def examples(server: MoonshotServer) -> dict[str, list[dict[str, Any]]]:
    """Return bodies that are accepted: path → bodies."""
    batch = {"endpoint": "/v1/chat/completions", "completion_window": "24h", "metadata": {"a": "b"}}
    return {
        "/v1/chat/completions": [{"model": "kimi-k2.6", "messages": HELLO, **more} for more in CHATS],
        "/v1/tokenizers/estimate-token-count": [{"model": "kimi-k2.6", "messages": HELLO}],
        "/v1/batches": [{"input_file_id": stored(server), **batch}],
    }


def stored(server: MoonshotServer) -> str:
    """Store a file of one request for the account whose key is used, and return its id."""
    asked = {"model": "kimi-k2.6", "messages": HELLO}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": asked}
    content = json.dumps(line).encode()
    return server.files.add(server.accounts.default, filename="in.jsonl", purpose="batch", content=content, at=0).id


def made(server: MoonshotServer, path: str) -> str:
    """Return the id of a file or a batch that exists; each operation has its own, since some use theirs up."""
    file_id = stored(server)
    if "{file_id}" in path:
        return file_id
    wanted = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    answer = httpx2.post(
        f"{server.base_url}/batches", json=wanted, headers={"authorization": f"Bearer {server.key}"}, trust_env=False
    )
    return str(answer.raise_for_status().json()["id"])


def run(program: str, folder: Path, contract: dict[str, Any], *, url: str, key: str) -> dict[str, Any]:
    """Run the tool over every operation and return its report; what it printed is shown when it found something."""
    schema, report = folder / "contract.json", folder / "report.json"
    schema.write_text(json.dumps(contract), "utf-8")
    command = [program, "run", str(schema), "--url", url, "--header", f"Authorization: Bearer {key}"]
    command += ["--checks", CHECKS, "--max-examples", str(MAX_EXAMPLES), "--seed", str(SEED), "--continue-on-failure"]
    command += ["--generation-database", "none", "--no-color", "--report", "json", "--report-json-path", str(report)]
    local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, cwd=folder, env=os.environ | local, check=False, capture_output=True, text=True)
    if done.returncode or not report.exists():
        print(done.stdout, done.stderr, sep="\n")
    if not report.exists():
        raise SystemExit(f"schemathesis ended with {done.returncode} and wrote no report")
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return told


def found(report: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong: failures, errors of the tool, and operations that never got past a refusal."""
    for failure in report["failures"]:
        yield f"{failure['title']} ({failure['count']}): {', '.join(failure['operations'])}"
    yield from (f"error of the tool: {error}" for error in report["errors"])
    if not report["complete"]:
        yield f"the run stopped early: {report['stop_reason']}"
    yield from (f"{name} was never accepted" for name, number in accepted(report).items() if number == 0)


def accepted(report: dict[str, Any]) -> dict[str, int]:
    """Return how many valid requests each operation accepted."""
    rates = report["valid_rates"]
    return {name: sum(phase["accepted"] for phase in phases.values()) for name, phases in rates.items()}


def tell(report: dict[str, Any], findings: list[str]) -> None:
    """Print the numbers and the findings."""
    tested, cases = report["operations"]["tested"], report["test_cases"]["generated"]
    print(f"schemathesis {report['schemathesis_version']}: {tested} operations, {cases} cases, seed {SEED}")
    for name, number in sorted(accepted(report).items()):
        print(f"  {name}: {number} accepted")
    print("\n".join(findings) if findings else "nothing found")


if __name__ == "__main__":
    sys.exit(main())
