"""What a gateway tells of its calls: numbers behind the admin key, spans at a real collector."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.gateway.counts import shared_folder
from moongate.gateway.desk import Desk
from moongate.gateway.place import prepared
from moongate.gateway.tally import route_of
from moongate.testing import Fault, MoonshotServer


def numbers(client: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what /metrics says, read by Prometheus' own parser."""
    secret = client.running.desk.new_admin_key()
    got = client.ask("GET", "/metrics", headers={"authorization": f"Bearer {secret}"})
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(got.body.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def named(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_calls_and_refusals_are_counted(client: Any, kit: Any, upstream: MoonshotServer) -> None:
    usage = client.chat().json()["usage"]
    client.chat(kit.body(stream=True))
    client.chat(kit.body(model="kimi-k2-6"))
    upstream.inject(Fault("status", path="/chat/completions", status=500, body={"error": {"message": "?"}}))
    client.chat()
    client.ask("GET", "/v1/models")
    client.ask("GET", "/v1/models", headers={"authorization": None})
    client.ask("GET", "/v1/nothing")
    found = numbers(client)
    chat, model = "/v1/chat/completions", {"upstream": "moonshot", "model": "kimi-k2.6"}
    assert found["moongate_answers_total", named(route=chat, status="200")] == 2
    assert found["moongate_answers_total", named(route=chat, status="404")] == 1
    assert found["moongate_answers_total", named(route=chat, status="500")] == 1
    assert found["moongate_answers_total", named(route="/v1/models", status="200")] == 1
    assert found["moongate_answers_total", named(route="/v1/models", status="401")] == 1
    assert found["moongate_answers_total", named(route="other", status="404")] == 1
    assert found["moongate_calls_total", named(outcome="ok", **model)] == 2
    assert found["moongate_calls_total", named(outcome="server_error", **model)] == 1
    assert found["moongate_tokens_total", named(kind="prompt", **model)] == 2 * usage["prompt_tokens"]
    assert found["moongate_tokens_total", named(kind="completion", **model)] == 2 * usage["completion_tokens"]
    assert found["moongate_call_seconds_count", named(upstream="moonshot")] == 3
    assert found["moongate_overhead_seconds_count", named(upstream="moonshot")] == 3
    client.running.booked()
    spent = sum(line.cost_nano or 0 for line in client.running.desk.entries())
    assert found["moongate_cost_total", named(currency="USD", **model)] * 10**9 == pytest.approx(spent)


def test_how_things_stand_is_told(client: Any, kit: Any) -> None:
    client.chat()
    kit.eventually(lambda: numbers(client).get(("moongate_models", named(upstream="moonshot"))) == 2)
    found = numbers(client)
    assert found["moongate_workers", named()] == 1
    assert found["moongate_in_flight", named(upstream="moonshot")] == 0
    assert found["moongate_shut", named(upstream="moonshot")] == 0
    assert found["moongate_memory_bytes", named()] > 10**6


def test_the_numbers_are_for_the_admin_alone(client: Any) -> None:
    assert client.ask("GET", "/metrics").status == 401
    assert client.ask("GET", "/metrics", headers={"authorization": None}).status == 401


def test_the_access_log_has_a_line_for_every_answer_and_nothing_secret(
    tmp_path: Path, upstream: MoonshotServer, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path, gateway="access_log = true")) as client:
        client.chat(kit.body("a secret plan"))
        client.chat(kit.body(stream=True))
        client.chat(kit.body(model="kimi-k2-6"))
        client.ask("GET", "/v1/models?key=hidden")
        client.ask("GET", "/health/live")
    lines = [record.getMessage() for record in caplog.records if record.name == "moongate.gateway.access"]
    chat = "POST /v1/chat/completions"
    assert lines == [f"{chat} 200", f"{chat} 200", f"{chat} 404", "GET /v1/models 200", "GET /health/live 200"]
    assert client.secret not in caplog.text


def test_answers_are_counted_under_few_names() -> None:
    assert route_of("/v1/models") == "/v1/models"
    assert route_of("/admin/keys/7/rotate") == "/admin"
    assert route_of("/wp-login.php") == "other"


def test_a_call_is_traced_from_its_caller_to_the_upstream(
    collector: Any, tmp_path: Path, upstream: MoonshotServer, kit: Any
) -> None:
    endpoint, spans = collector.endpoint, collector.spans
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    with kit.gateway(kit.settings(upstream, tmp_path, gateway=f'otel_endpoint = "{endpoint}"')) as client:
        client.chat(headers={"traceparent": parent})
        client.chat(kit.body(stream=True))
        client.chat(kit.body(model="kimi-k2-6"))
    plain, streamed, refused = spans
    assert (plain.trace_id.hex(), plain.parent_span_id.hex()) == ("a" * 32, "b" * 16)
    assert [span.name for span in spans] == ["chat kimi-k2.6", "chat kimi-k2.6", "chat kimi-k2-6"]
    told = {a.key: a.value for a in plain.attributes}
    assert told["gen_ai.provider.name"].string_value == "moonshot"
    assert told["gen_ai.usage.input_tokens"].int_value > 0
    assert told["http.response.status_code"].int_value == 200
    assert "hello" not in str(plain)
    assert {a.key for a in streamed.attributes} == set(told)
    assert {a.key: a.value.string_value for a in refused.attributes}["error.type"] == "refused"
    first, second = [request for request in upstream.requests if request.method == "POST"]
    assert first.headers["traceparent"] == f"00-{'a' * 32}-{plain.span_id.hex()}-01"
    assert second.headers["traceparent"].split("-")[2] == streamed.span_id.hex()


def test_whichever_worker_is_asked_tells_the_numbers_of_all(
    upstream: MoonshotServer, tmp_path: Path, kit: Any
) -> None:
    settings = kit.settings(upstream, tmp_path)
    with ExitStack() as stack:
        place = stack.enter_context(prepared(settings, "127.0.0.1", 0))
        folder = stack.enter_context(shared_folder(place.path))
        desk = stack.enter_context(Desk(place.path))
        clients = []
        desk.create_account("ada", Money.of(10, "USD"))
        _, secret = desk.create_key("ada")
        for _ in range(2):  # two workers, each on a port of its own, so that it is known which one is asked
            own = stack.enter_context(prepared(settings, "127.0.0.1", 0))
            worker = serve.Worker(replace(own, counts=folder))
            thread = threading.Thread(target=worker.run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(worker.end)
            worker.started.wait()
            running = serve.Running(base_url=own.base_url, has_keys=True, desk=desk, _worker=worker)
            clients.append(kit.caller(running, secret))
        for number, client in enumerate(clients, start=1):
            for _ in range(number):
                assert client.chat().status == 200
        which = named(upstream="moonshot", model="kimi-k2.6", outcome="ok")
        for client in clients:  # what the other one counted is seen twice a second
            kit.eventually(lambda client=client: numbers(client).get(("moongate_calls_total", which)) == 3)
        kit.eventually(lambda: numbers(clients[0])["moongate_workers", named()] == 2)
