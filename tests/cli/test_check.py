from __future__ import annotations

from moongate.testing import Fault, MoonshotServer

FACTS = ["key", "base_url", "models", "model", "balance", "estimate", "chat", "reconcile"]


def statuses(ran) -> dict[str, str]:
    return {fact["name"]: fact["status"] for fact in ran.json["facts"]}


def test_every_fact_with_its_evidence(moongate, server) -> None:
    ran = moongate("check", "--chat", "--json")
    assert (ran.code, ran.json["ok"], ran.json["model"]) == (0, True, "kimi-k2.6")
    assert set(ran.json) == {"ok", "provider", "base_url", "model", "facts"}
    assert [fact["name"] for fact in ran.json["facts"]] == FACTS
    settled = [fact for fact in ran.json["facts"] if fact["status"] == "verified"]
    assert [fact["name"] for fact in settled] == FACTS[:-1]
    assert all(set(fact["evidence"]) == {"request", "status", "at"} for fact in settled)
    assert server.key not in ran.out + ran.err


def test_without_chat_nothing_is_spent(moongate, server) -> None:
    ran = moongate("check", "--json")
    assert statuses(ran)["chat"] == statuses(ran)["reconcile"] == "skipped"
    assert server.count("POST", "/v1/chat/completions") == 0


def test_a_wrong_id_is_refuted(moongate, server) -> None:
    ran = moongate("check", "--json", "-m", "kimi-k2-6")
    assert (ran.code, ran.json["ok"]) == (1, False)
    model = next(fact for fact in ran.json["facts"] if fact["name"] == "model")
    assert model["status"] == "refuted"
    assert "kimi-k2.6" in model["advice"]


def test_a_wrong_key_is_refuted(moongate, server, monkeypatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-wrong-key-of-nobody")
    ran = moongate("check", "--json")
    assert ran.code == 1
    assert statuses(ran)["key"] == "refuted"
    assert "sk-wrong" not in ran.out + ran.err


def test_nobody_there_settles_nothing(moongate, server) -> None:
    ran = moongate("check", "--json", "--base-url", "http://127.0.0.1:9/v1")
    assert ran.code == 4
    assert set(statuses(ran).values()) == {"unverified", "skipped"}


def test_a_refused_chat_is_refuted_and_the_rest_stands(moongate, server) -> None:
    server.inject(Fault(path="/v1/chat/completions", status=403, body=b'{"error":{"message":"no","type":"x"}}'))
    ran = moongate("check", "--chat", "--json")
    assert ran.code == 1
    assert statuses(ran)["chat"] == "refuted"
    assert statuses(ran)["balance"] == "verified"


def test_the_page_for_people(moongate, server) -> None:
    ran = moongate("check")
    lines = ran.out.splitlines()
    assert lines[0].startswith("verified   key       MOONSHOT_API_KEY (fingerprint ")
    assert f"GET {server.base_url}/models → 200" in lines[1]


def test_what_a_refused_id_would_have_asked_is_skipped(moongate, server) -> None:
    ran = moongate("check", "--chat", "--json", "-m", "kimi-k2-6")
    assert statuses(ran)["estimate"] == statuses(ran)["chat"] == "skipped"


def test_a_public_list_needs_no_key(moongate, monkeypatch) -> None:
    with MoonshotServer(dialect="openrouter") as router:
        monkeypatch.setenv("OPENROUTER_BASE_URL", router.base_url)
        ran = moongate("check", "--json", "-m", "moonshotai/kimi-k2.6")
    assert (ran.code, statuses(ran)["key"], statuses(ran)["balance"]) == (0, "skipped", "skipped")


def test_an_unlisted_id_is_not_called_listed_because_the_guard_is_off(moongate, server) -> None:
    ran = moongate("check", "--json", "-m", "kimi-k9", "--guard", "off")
    assert (ran.code, statuses(ran)["model"]) == (1, "refuted")


def test_the_list_is_asked_for_now(moongate, server) -> None:
    moongate("models")
    server.inject(Fault("refusal", name="wrong_key", times=None))
    assert statuses(moongate("check", "--json"))["key"] == "refuted"
