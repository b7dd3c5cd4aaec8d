from __future__ import annotations

import pytest

from moongate.testing import Fault, MoonshotServer


def test_the_list_as_a_document(moongate, server) -> None:
    ran = moongate("models", "--json")
    assert ran.code == 0
    assert set(ran.json) == {"provider", "base_url", "fetched_at", "models"}
    assert ran.json["provider"] == "moonshot"
    assert ran.json["base_url"] == server.base_url
    (model,) = ran.json["models"]
    assert set(model) == {"id", "context_length", "input", "reasoning", "floating", "raw"}
    assert (model["id"], model["context_length"], model["reasoning"]) == ("kimi-k2.6", 262144, True)
    assert model["input"] == ["text", "image", "video"]


def test_the_list_as_a_table_goes_to_stdout(moongate, server) -> None:
    ran = moongate("models")
    assert ran.out.splitlines()[1].split("\t")[0] == "kimi-k2.6"
    assert ran.err == ""


@pytest.mark.parametrize(
    ("name", "reason", "owner"),
    [
        ("moonshotai/kimi-k2.6", "foreign", "OpenRouter"),
        ("kimi-k2-6", "foreign", "AIMLAPI"),
        ("Kimi-K2.6", "case", None),
        ("kimi-k2.6-thinking", "invented", None),
        ("kimi-k2-0711-preview", "retired", None),
        ("kimi k2.6", "typo", None),
        ("gpt-4o", "unknown", None),
    ],
)
def test_what_a_name_means(moongate, server, name, reason, owner) -> None:
    ran = moongate("models", name, "--json")
    assert ran.code == 1
    (result,) = ran.json["results"]
    assert set(result) == {"provider", "verdict", "id", "reason", "belongs_to", "suggestions"}
    assert (result["verdict"], result["id"], result["reason"]) == ("not_listed", None, reason)
    assert owner is None or owner in result["belongs_to"]
    assert reason == "unknown" or result["suggestions"] == ["kimi-k2.6"]


def test_a_listed_name(moongate, server) -> None:
    ran = moongate("models", "moonshot/kimi-k2.6", "--json")
    assert ran.code == 0
    assert ran.json["results"][0]["verdict"] == "listed"
    assert ran.json["results"][0]["id"] == "kimi-k2.6"


def test_everywhere_asks_every_endpoint_with_a_usable_list(moongate, server, monkeypatch) -> None:
    with MoonshotServer(dialect="openrouter") as router, MoonshotServer(dialect="aimlapi") as aimlapi:
        monkeypatch.setenv("OPENROUTER_BASE_URL", router.base_url)
        monkeypatch.setenv("AIMLAPI_BASE_URL", aimlapi.base_url)
        ran = moongate("models", "moonshotai/kimi-k2.6", "--all", "--json")
    verdicts = {result["provider"]: result["verdict"] for result in ran.json["results"]}
    assert verdicts == {"moonshot": "not_listed", "openrouter": "listed", "aimlapi": "not_listed"}
    assert ran.code == 0


def test_a_list_that_cannot_be_had_says_nothing_about_a_name(moongate, monkeypatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-x")
    ran = moongate("models", "kimi-k2.6", "--json", "--base-url", "http://127.0.0.1:9/v1")
    assert ran.json["results"][0]["verdict"] == "unverified"
    assert ran.code == 4


def test_save_keeps_the_body_as_it_came(moongate, server, tmp_path) -> None:
    ran = moongate("models", "--save", str(tmp_path / "lists"))
    assert ran.code == 0
    body = (tmp_path / "lists" / "moonshot.json").read_bytes()
    assert body.startswith(b'{"object":"list"')


def test_save_asks_now_and_keeps_no_older_list(moongate, server, tmp_path) -> None:
    assert moongate("models").code == 0
    server.models = ["kimi-k3"]
    assert moongate("models", "--save", str(tmp_path)).out.splitlines()[1].startswith("kimi-k3\t")
    server.inject(Fault("status", path="/models", status=500, times=None))
    ran = moongate("models", "--save", str(tmp_path))
    assert ran.code == 4 and b"kimi-k3" in (tmp_path / "moonshot.json").read_bytes()


def test_save_all_keeps_what_can_be_had_and_says_what_cannot(moongate, server, tmp_path, monkeypatch) -> None:
    with MoonshotServer(dialect="openrouter") as router:
        monkeypatch.setenv("OPENROUTER_BASE_URL", router.base_url)
        monkeypatch.setenv("AIMLAPI_BASE_URL", "http://127.0.0.1:9/v1")
        ran = moongate("models", "--all", "--save", str(tmp_path / "lists"), "--json")
    assert ran.code == 4 and "aimlapi is left out" in ran.err
    assert [listed["provider"] for listed in ran.json] == ["moonshot", "openrouter"]
    assert sorted(path.name for path in (tmp_path / "lists").iterdir()) == ["moonshot.json", "openrouter.json"]


def test_all_alone_asks_for_what(moongate, server) -> None:
    ran = moongate("models", "--all")
    assert ran.code == 2 and "--save" in ran.err
