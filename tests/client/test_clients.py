"""Chats, streams, balances and estimates against every dialect, through the blocking and the asyncio client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moongate import (
    BrokenStreamError,
    InsufficientBalanceError,
    ModelNotPermittedError,
    ModelRefusedError,
    MoongateError,
    RateLimitedError,
    UnavailableError,
    UsageError,
)
from moongate.errors import (
    AuthenticationError,
    BaseUrlError,
    KeyMissingError,
    NotJsonError,
    NotOfferedError,
    OverloadedError,
    RequestRefusedError,
    TimedOutError,
    WrongRegionError,
)
from moongate.facts.keys import Key
from moongate.settings.load import load
from moongate.store.cache import Entry, ListCache
from moongate.testing import Account, Fault, MoonshotServer
from moongate.testing import Answer as Said

Serve = Callable[..., MoonshotServer]
K26 = "moonshotai/kimi-k2.6"
HELLO = [{"role": "user", "content": "hi"}]

DIALECTS = [
    # server, provider, asked, sent, the answer's own name, basis of its cost
    ({}, "moonshot", "kimi-k2.6", "kimi-k2.6", "kimi-k2.6", None),
    ({}, "moonshot", "moonshot/kimi-k2.6", "kimi-k2.6", "kimi-k2.6", None),
    ({"region": "cn"}, "moonshot-cn", "kimi-k2.6", "kimi-k2.6", "kimi-k2.6", None),
    ({"product": "code"}, "kimi-code", "kimi-for-coding", "kimi-for-coding", "kimi-for-coding", None),
    ({"dialect": "openrouter"}, "openrouter", K26, K26, f"{K26}-20260420", "reported by the endpoint"),
    ({"dialect": "openrouter"}, "openrouter", f"{K26}:nitro", f"{K26}:nitro", f"{K26}-20260420", "reported"),
    ({"dialect": "aimlapi"}, "aimlapi", "moonshot/kimi-k2-6", "moonshot/kimi-k2-6", "kimi-k2.6", "reported"),
    ({"dialect": "openai", "models": ["m"], "list_shape": "vllm"}, "moonshot", "m", "m", "m", None),
    ({"dialect": "openai", "models": ["m"], "list_shape": "array"}, "moonshot", "m", "m", "m", None),
]


@pytest.mark.parametrize(("made", "provider", "asked", "sent", "says", "basis"), DIALECTS)
def test_one_answer_and_one_stream(
    client: Any,
    serve: Serve,
    made: dict[str, Any],
    provider: str,
    asked: str,
    sent: str,
    says: str,
    basis: str | None,
) -> None:
    server = serve(**made)
    options = {"provider": provider}
    answer = client.chat(server, asked, client=options, max_tokens=None)
    chunks, streamed = client.stream(server, asked, client=options)
    for found in (answer, streamed):
        assert (found.content, found.asked_model, found.finish_reason) == ("晚上好", sent, "stop")
        assert found.model == says and found.usage is not None and found.usage.prompt_tokens > 0
        assert (found.cost is None) if basis is None else found.cost.basis.startswith(basis)
        notes = " ".join(found.notes)
        assert (f"{asked!r} is sent as {sent!r}" in notes) == (asked != sent)
        assert (f"the answer says {says!r}" in notes) == (says != sent)
    assert "".join(chunk.content for chunk in chunks) == "晚上好"
    bodies = [request.json() for request in server.requests if request.method == "POST"]
    assert [body["model"] for body in bodies] == [sent, sent] and "max_tokens" not in bodies[0]
    assert bodies[1]["stream_options"] == {"include_usage": True} and "stream" not in bodies[0]


BALANCES = [
    ({}, "moonshot", "49.58894 USD", "3.00001 USD"),
    ({"region": "cn"}, "moonshot-cn", "49.58894 CNY", "3.00001 CNY"),
    ({"dialect": "openrouter"}, "openrouter", "49.58894 USD", "None"),
    ({"dialect": "openrouter", "accounts": [Account(unlimited=True)]}, "openrouter", "None", "None"),
    ({"dialect": "aimlapi"}, "aimlapi", "49.58894 USD", "None"),
    ({"accounts": [Account(cash="-1.5", voucher="2")]}, "moonshot", "2 USD", "-1.5 USD"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("made", "provider", "available", "cash"), BALANCES)
def test_balances(client: Any, serve: Serve, made: dict[str, Any], provider: str, available: str, cash: str) -> None:
    server = serve(**made)
    balance = client(server, "balance", client={"provider": provider})
    assert (str(balance.available), str(balance.cash)) == (available, cash)
    assert balance.unlimited == (available == "None") and server.count("GET", "/models") == 0


def test_estimates_are_guarded_and_priceless(client: Any, serve: Serve) -> None:
    server = serve()
    assert client(server, "estimate", model="moonshot/kimi-k2.6", messages=HELLO) > 0
    assert server.requests[-1].json()["model"] == "kimi-k2.6"
    with pytest.raises(ModelRefusedError):
        client(server, "estimate", model="kimi-k2-6", messages=HELLO)
    assert server.count("POST") == 1
    with pytest.raises(NotOfferedError):
        client(serve(product="code"), "estimate", model="k3-256k", messages=HELLO, client={"provider": "kimi-code"})
    with pytest.raises(NotOfferedError):
        client(serve(product="code"), "balance", client={"provider": "kimi-code"})


WRONG = ["moonshotai/kimi-k2.6", "kimi-k2-6", "Kimi-K2.6", "kimi-k2.6-thinking", "kimi-k2-0711-preview", "kimi-k2.6 ",
         "moonshot-cn/kimi-k2.6", "kimi-k2.6:nitro", "", "\x1b[31m"]  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_id_never_leaves(client: Any, serve: Serve, name: str) -> None:
    server = serve(models=["kimi-k2.6", "kimi-k3"])
    for call in (client.chat, client.stream):
        with pytest.raises(ModelRefusedError) as caught:
            call(server, name)
        assert "\x1b" not in str(caught.value) and (not name.strip() or caught.value.exit_code == 1)
    assert server.count("POST") == 0 and server.count("GET", "/models") <= 1


BODIES = [
    ({"extra_body": {"model": "kimi-k9"}}, ModelRefusedError),
    ({"extra_body": {"model": "kimi-k3"}}, UsageError),  # listed, but not what was asked for
    ({"extra_body": {"Model": "kimi-k2.6"}}, RequestRefusedError),
    ({"extra_body": {"MODELS": ["kimi-k9"]}}, RequestRefusedError),
    ({"extra_body": {"models": ["kimi-k2.6", "kimi-k9"]}}, ModelRefusedError),
    ({"extra_body": {"models": "kimi-k3"}}, RequestRefusedError),
    ({"extra_body": {"model": ["kimi-k2.6"]}}, RequestRefusedError),
    ({"extra_body": {"model": None}}, MoongateError),
    ({"extra_body": {"stream": True}}, UsageError),
    ({"extra_body": {"messages": HELLO}}, UsageError),
    ({"models": ["kimi-k9"]}, ModelRefusedError),
    ({"models": ["moonshot/kimi-k3"]}, ModelRefusedError),  # a body written by hand holds wire ids
    ({"MODEL": "kimi-k9"}, RequestRefusedError),
    ({"messages": []}, UsageError),
    ({"messages": "hi"}, UsageError),
    ({"x": object()}, UsageError),
]


@pytest.mark.parametrize(("more", "error"), BODIES)
def test_no_way_round(client: Any, serve: Serve, more: dict[str, Any], error: type[MoongateError]) -> None:
    server = serve(models=["kimi-k2.6", "kimi-k3"])
    for call in (client.chat, client.stream):
        with pytest.raises(error):
            call(server, **more)
    assert server.count("POST") == 0


def test_every_member_of_models_is_allowed(client: Any, serve: Serve) -> None:
    server = serve(models=["kimi-k2.6", "kimi-k3"])
    assert client.chat(server, models=["kimi-k2.6", "kimi-k3"]).content == "晚上好"


def test_guard_modes(client: Any, serve: Serve) -> None:
    server = serve(models=["kimi-k2.6"])
    with pytest.raises(ModelNotPermittedError):
        client.chat(server, "kimi-k9", client={"guard": "warn"})
    with pytest.raises(ModelNotPermittedError):
        client.chat(server, "kimi-k9", client={"guard": "off"})
    assert server.count("POST") == 2
    server.inject(Fault(status=500, path="/models", times=None))
    server.accounts.default.keys.insert(0, "sk-another-key-without-a-list")
    with pytest.raises(UnavailableError, match="no id can be checked"):
        client.chat(server)
    answer = client.chat(server, client={"guard": "warn"})
    assert answer.notes[0].startswith("sent unchecked: ") and server.count("POST") == 3
    assert client.chat(server, client={"guard": "off"}).notes == ()


def test_warn_says_what_was_sent_although_refused(client: Any, serve: Serve) -> None:
    server = serve(models=["kimi-k2.6"])
    client.chat(server)
    server.models = ["kimi-k2.6", "kimi-k3"]  # within 30 seconds of the last fetch
    answer = client.chat(server, "kimi-k3", client={"guard": "warn"})
    assert "does not list 'kimi-k3'" in answer.notes[0] and answer.content == "晚上好"


def test_listed_but_not_permitted_is_said_exactly_and_kept(client: Any, serve: Serve) -> None:
    server = serve(models=["kimi-k2.6", "kimi-k3"])
    server.accounts.default.denied.add("kimi-k2.6")
    with pytest.raises(ModelNotPermittedError, match=r"'kimi-k2\.6' is listed, and yet .* not found") as caught:
        client.chat(server)
    assert server.count("POST") == 1 and caught.value.exit_code == 3
    with pytest.raises(ModelNotPermittedError):
        client.stream(server)
    cache = ListCache(folder=load().cache_dir / "lists")
    entry = cache.read(server.base_url, Key(server.key, source="x").fingerprint)
    assert entry is not None and set(entry.denied) == {"kimi-k2.6"}


def test_the_only_listed_id_is_used_when_none_is_named(client: Any, serve: Serve) -> None:
    assert client(serve(models=["kimi-k2.6"]), "chat", messages=HELLO).model == "kimi-k2.6"
    many = serve(models=["kimi-k2.6", "kimi-k3"])
    with pytest.raises(ModelRefusedError, match=r"there are 2 to choose from: 'kimi-k2\.6', 'kimi-k3'") as caught:
        client(many, "chat", messages=HELLO)
    assert caught.value.suggestions == ("kimi-k2.6", "kimi-k3")
    assert client(many, "chat", messages=HELLO, client={"model": "kimi-k3"}).model == "kimi-k3"
    with pytest.raises(ModelRefusedError, match="none"):
        client(serve(models=[]), "chat", messages=HELLO)


BROKEN = [Fault("no_done"), Fault("reset", at="middle"), Fault("truncate"), Fault("broken_utf8")]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: fault.kind)
def test_a_broken_stream_is_said_with_what_came(client: Any, serve: Serve, fault: Fault) -> None:
    server = serve(replies=[Said("ab " * 200, reasoning="", piece=3)])
    server.inject(Fault(fault.kind, at=fault.at, path="/chat/completions"))
    seen: list[Any] = []
    with pytest.raises(BrokenStreamError, match="broke off") as caught:
        client.stream(server, seen=seen)
    assert caught.value.partial.startswith("".join(chunk.content for chunk in seen))
    assert ("ab " * 200).startswith(caught.value.partial) and server.count("POST") == 1


HARMLESS = [Fault("half_utf8"), Fault("drip"), Fault("duplicate_usage")]


@pytest.mark.parametrize("fault", HARMLESS, ids=lambda fault: fault.kind)
def test_odd_streams_are_read_alike(client: Any, serve: Serve, fault: Fault) -> None:
    server = serve()
    _, plain = client.stream(server)
    server.inject(Fault(fault.kind, path="/chat/completions"))
    _, odd = client.stream(server)
    assert (odd.content, odd.usage, odd.finish_reason) == (plain.content, plain.usage, plain.finish_reason)


def test_an_error_inside_a_stream(client: Any, serve: Serve) -> None:
    server = serve()
    server.inject(Fault("error_in_stream", path="/chat/completions"))
    with pytest.raises(OverloadedError, match="currently overloaded"):
        client.stream(server)
    assert server.count("POST") == 1


LISTS = [
    (Fault("refusal", name="wrong_key"), AuthenticationError),
    (Fault(status=404, body={"error": "url.not_found", "message": "x"}), UsageError),
    (Fault("redirect", url="https://evil.example/v1/models"), BaseUrlError),
    (Fault("garbage"), UnavailableError),
    (Fault(body={"data": {}}, status=200), UnavailableError),
    (Fault("refusal", name="rpm", headers={"retry-after": "99"}), RateLimitedError),
]


@pytest.mark.parametrize(("fault", "error"), LISTS)
def test_without_a_list_nothing_is_sent(client: Any, serve: Serve, fault: Fault, error: type[MoongateError]) -> None:
    server = serve()
    server.inject(fault)
    with pytest.raises(error if error is not RateLimitedError else UnavailableError):
        client.chat(server)
    assert server.count("POST") == 0 and server.count("GET") == 1


def test_a_slow_list_is_bounded_by_its_own_time(client: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONGATE_LIST_TIMEOUT", "0.2")
    server = serve()
    server.inject(Fault("stall", path="/models"))
    with pytest.raises(UnavailableError) as caught:
        client.chat(server)
    assert isinstance(caught.value.__cause__, TimedOutError) and server.count("POST") == 0


def test_no_key_no_call(client: Any, serve: Serve) -> None:
    server = serve()
    with pytest.raises(KeyMissingError):
        client.chat(server, client={"api_key": None})
    with pytest.raises(KeyMissingError):
        client.chat(serve(dialect="openrouter"), K26, client={"api_key": None, "provider": "openrouter"})
    assert server.requests == ()


def test_an_empty_account(client: Any, serve: Serve) -> None:
    server = serve(accounts=[Account(cash="0", voucher="0")])  # type: ignore[arg-type]
    with pytest.raises(InsufficientBalanceError) as caught:
        client.chat(server)
    account = server.accounts.default
    assert not any(secret in str(caught.value) for secret in (account.org, account.ak, account.key))
    assert server.count("POST") == 1


def test_a_key_of_another_region_by_evidence_at_hand(client: Any, serve: Serve) -> None:
    home, foreign = serve(), serve(region="cn")
    key = Key(home.key, source="x")
    cache = ListCache(folder=load().cache_dir / "lists")
    body = '{"data":[{"id":"kimi-k2.6"}]}'
    with pytest.raises(AuthenticationError) as caught:
        client.chat(foreign, client={"provider": "moonshot-cn", "api_key": home.key})
    assert type(caught.value) is AuthenticationError
    url = "https://api.moonshot.ai/v1"
    cache.write(Entry(base_url=url, fingerprint=key.fingerprint, fetched_at=1.0, attempted_at=1.0, body=body))
    with pytest.raises(WrongRegionError, match="it is one of Moonshot") as region:
        client.chat(foreign, client={"provider": "moonshot-cn", "api_key": home.key})
    assert "-p moonshot," in region.value.advice and home.requests == () and home.key not in str(region.value)
    assert {request.method for request in foreign.requests} == {"GET"}


@pytest.mark.parametrize(
    ("key", "provider", "error"),
    [
        ("sk-kimi-0123456789", "moonshot", WrongRegionError),
        ("sk-or-v1-0123456789", "moonshot", WrongRegionError),
        ("sk-kimi-0123456789", "kimi-code-global", AuthenticationError),
        ("sk-0123456789", "moonshot", AuthenticationError),
    ],
)
def test_a_key_of_another_product_by_its_prefix(
    client: Any, serve: Serve, key: str, provider: str, error: type[MoongateError]
) -> None:
    with pytest.raises(error) as caught:
        client.chat(serve(), client={"api_key": key, "provider": provider})
    assert type(caught.value) is error and key not in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_where_only_the_chat_asks_for_a_key(client: Any, serve: Serve, stream: bool) -> None:
    server = serve(dialect="aimlapi")
    with pytest.raises(WrongRegionError, match="it is one of OpenRouter") as caught:
        ask = client.stream if stream else client.chat
        ask(server, "moonshot/kimi-k2-6", client={"api_key": "sk-or-v1-0123456789", "provider": "aimlapi"})
    assert "-p openrouter" in caught.value.advice and server.count("POST") == 1
    with pytest.raises(WrongRegionError):
        client(server, "balance", client={"api_key": "sk-or-v1-0123456789", "provider": "aimlapi"})


def test_a_pinned_alias_is_sent_as_what_it_is_pinned_to(client: Any, serve: Serve, empty_home: Any) -> None:
    (empty_home / "config").mkdir()
    (empty_home / "config" / "config.toml").write_text('[aliases.best]\nmoonshot = "kimi-k3"\n')
    answer = client.chat(serve(models=["kimi-k2.6", "kimi-k3"]), "best")
    assert answer.asked_model == "kimi-k3" and "'best' is sent as 'kimi-k3' (pinned)" in answer.notes


def test_a_floating_id_says_so(client: Any, serve: Serve) -> None:
    answer = client.chat(serve(product="code"), "kimi-for-coding", client={"provider": "kimi-code"})
    assert any("floats" in note for note in answer.notes)


def test_an_html_page_in_place_of_the_answer(client: Any, serve: Serve) -> None:
    server = serve()
    server.inject(Fault("garbage", path="/chat/completions"))
    with pytest.raises(NotJsonError, match="HTML page"):
        client.chat(server)
    assert server.count("POST") == 1


@pytest.mark.parametrize(("mode", "sent"), [("fix", [None]), ("pass", [0.3]), ("raise", [])])
def test_both_clients_obey_the_rules_mode(client: Any, serve: Serve, mode: str, sent: list[Any]) -> None:
    server = serve()
    expected = {"fix": None, "pass": "BadRequestError", "raise": "RuleError"}[mode]
    try:
        client.chat(server, client={"rules": mode}, temperature=0.3)
        raised = None
    except MoongateError as error:
        raised = type(error).__name__
    posted = [request.json().get("temperature") for request in server.requests if request.method == "POST"]
    assert (raised, posted) == (expected, sent)
