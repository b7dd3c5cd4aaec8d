"""The guarded blocking client against a faithful server: what leaves, what does not, what is raised."""

from __future__ import annotations

import copy
import logging
import pickle
from pathlib import Path
from typing import Any

import openai
import pytest

from moongate import errors
from moongate.openai import OpenAI
from moongate.testing import Fault, MoonshotServer


def chat(client: Any, model: str = "kimi-k2.6", **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}], **more)


def test_a_wrong_id_is_refused_by_every_road_before_anything_is_posted(
    client: OpenAI, server: MoonshotServer, road: Any
) -> None:
    with pytest.raises(errors.ModelRefusedError) as refused:
        road(client, "moonshotai/kimi-k2-6")
    assert isinstance(refused.value, openai.OpenAIError)
    assert refused.value.suggestions == ("kimi-k2.6",)
    assert server.count("POST") == 0


def test_the_right_id_passes(client: OpenAI, server: MoonshotServer) -> None:
    answer = chat(client)
    assert answer.choices[0].message.content == "hello"
    assert server.count("POST", "/chat/completions") == 1


def test_a_refusal_of_the_streaming_context_posts_nothing(client: OpenAI, server: MoonshotServer) -> None:
    create = client.chat.completions.with_streaming_response.create
    with (
        pytest.raises(errors.ModelRefusedError),
        create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}]),
    ):
        pass
    with (
        pytest.raises(errors.ModelRefusedError),
        client.chat.completions.stream(model="gpt-4o", messages=[{"role": "user", "content": "hello"}]),
    ):
        pass
    assert server.count("POST") == 0


def test_raw_and_streamed_responses_pass(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "hello"}]
    raw = client.chat.completions.with_raw_response.create(model="kimi-k2.6", messages=messages)
    assert raw.parse().choices[0].message.content == "hello"
    with client.chat.completions.with_streaming_response.create(model="kimi-k2.6", messages=messages) as streamed:
        assert b"hello" in streamed.read()


def test_parse_reads_the_answer(server: MoonshotServer, client: OpenAI) -> None:
    from pydantic import BaseModel

    class Reply(BaseModel):
        word: str

    server.replies = ['{"word": "yes"}', '{"word": "yes"}']
    for parse in (client.beta.chat.completions.parse, client.chat.completions.parse):
        answer = parse(model="kimi-k2.6", messages=[{"role": "user", "content": "a"}], response_format=Reply)
        assert answer.choices[0].message.parsed == Reply(word="yes")


def test_a_stream_keeps_the_usage_as_the_provider_sends_it(client: OpenAI) -> None:
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    whole = chat(client).usage
    said = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(said) == 1
    assert said[0].completion_tokens == whole.completion_tokens
    assert said[0].prompt_tokens == whole.prompt_tokens
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello"


def test_a_prefix_that_routes_is_taken_off_and_said_once(
    client: OpenAI, server: MoonshotServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="moongate"):
        chat(client, "moonshot/kimi-k2.6")
        chat(client, "kimi-k2.6", extra_body={"model": "moonshot:kimi-k2.6", "models": ["moonshot/kimi-k2.6"]})
        chat(client, "moonshot/kimi-k2.6")
    sent = [request.json() for request in server.requests if request.method == "POST"]
    assert [body["model"] for body in sent] == ["kimi-k2.6"] * 3
    assert sent[1]["models"] == ["kimi-k2.6"]
    assert caplog.text.count("'moonshot/kimi-k2.6' is sent as 'kimi-k2.6'") == 1


def test_the_callers_objects_are_left_as_they_are(client: OpenAI) -> None:
    extra = {"model": "moonshot/kimi-k2.6"}
    chat(client, extra_body=extra)
    assert extra == {"model": "moonshot/kimi-k2.6"}


@pytest.mark.parametrize("extra", [{"Model": "gpt-4o"}, {"MODELS": ["gpt-4o"]}, {"models": "kimi-k2.6"}])
def test_keys_that_another_parser_could_read_are_refused(
    client: OpenAI, server: MoonshotServer, extra: dict[str, Any]
) -> None:
    with pytest.raises(openai.OpenAIError) as refused:
        chat(client, extra_body=extra)
    assert isinstance(refused.value, errors.RequestRefusedError)
    assert server.count("POST") == 0


@pytest.mark.parametrize(
    "body", [b'{"model": "kimi-k2.6", "model": "gpt-4o"}', b"{}", b"not json", b'\xef\xbb\xbf{"model": "kimi-k2.6"}']
)
def test_bytes_that_read_in_two_ways_are_refused(client: OpenAI, server: MoonshotServer, body: bytes) -> None:
    with pytest.raises(errors.RequestRefusedError):
        client.post("/chat/completions", content=body, cast_to=dict[str, Any])
    assert server.count("POST") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "gzip"},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        {"authorization": "Bearer sk-another"},
    ],
)
def test_headers_that_change_what_the_bytes_mean_are_refused(
    client: OpenAI, server: MoonshotServer, headers: dict[str, str]
) -> None:
    with pytest.raises(errors.RequestRefusedError):
        chat(client, extra_headers=headers)
    assert server.count("POST") == 0


def test_unknown_routes_are_refused_unless_they_get(client: OpenAI, server: MoonshotServer) -> None:
    for road in (
        lambda: client.embeddings.create(model="kimi-k2.6", input="a"),
        lambda: client.completions.create(model="kimi-k2.6", prompt="a"),
        lambda: client.post("/chat/completions/", body={"model": "kimi-k2.6"}, cast_to=dict[str, Any]),
        lambda: client.post("/../v2/chat/completions", body={"model": "kimi-k2.6"}, cast_to=dict[str, Any]),
        lambda: client.post("/chat%2Fcompletions", body={"model": "kimi-k2.6"}, cast_to=dict[str, Any]),
        lambda: client.uploads.create(bytes=1, filename="a", mime_type="text/plain", purpose="batch"),
        lambda: client.put("/chat/completions", body={"model": "kimi-k2.6"}, cast_to=dict[str, Any]),
    ):
        with pytest.raises(openai.OpenAIError) as refused:
            road()
        assert isinstance(refused.value, errors.UnknownRouteError | errors.BaseUrlError)
    assert [request.method for request in server.requests if request.method != "GET"] == []
    with pytest.raises(openai.NotFoundError):
        client.get("/unheard-of", cast_to=dict[str, Any])


def test_files_and_batches_pass(client: OpenAI, server: MoonshotServer) -> None:
    line = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "kimi-k2.6", '
    line += b'"messages": [{"role": "user", "content": "a"}]}}\n'
    sent = client.files.create(file=("b.jsonl", line), purpose="batch")
    assert client.files.content(sent.id).read() == line
    batch = client.batches.create(input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.retrieve(batch.id).id == batch.id
    other: Any = "file-extract"
    text = client.files.create(file=("a.txt", b'{"model": "gpt-4o"}'), purpose=other)
    assert client.files.delete(text.id).deleted
    assert [model.id for model in client.models.list()] == ["kimi-k2.6"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"body": {"model": "kimi-k2.6"}, "body": {"model": "gpt-4o"}}',
        b'{"body": {"model": "kimi-k2.6", "Model": "gpt-4o"}}',
        b'{"body": {"messages": [{"role": "user", "content": "hi"}]}}',
        b'{"custom_id": "1"}',
        b'[["body", {"model": "kimi-k2.6"}]]',
        b'{"body": {"model": "kimi-k2.6"}} {"body": {"model": "gpt-4o"}}',
        b"",
    ],
)
def test_batch_lines_that_cannot_be_read_in_one_way_are_refused(
    client: OpenAI, server: MoonshotServer, line: bytes
) -> None:
    with pytest.raises(errors.RequestRefusedError):
        client.files.create(file=("b.jsonl", line), purpose="batch")
    assert server.count("POST") == 0


def test_balance_and_estimate(client: OpenAI, server: MoonshotServer) -> None:
    assert client.balance().currency == "USD"
    assert client.estimate(model="moonshot/kimi-k2.6", messages=[{"role": "user", "content": "hello"}]) > 0
    assert server.requests[-1].json()["model"] == "kimi-k2.6"


def test_what_the_provider_refuses_of_the_extras_is_an_openai_error(client: OpenAI, server: MoonshotServer) -> None:
    server.inject(Fault("refusal", name="wrong_key", path="/users/me/balance"))
    with pytest.raises(openai.OpenAIError) as refused:
        client.balance()
    assert isinstance(refused.value, errors.AuthenticationError)


@pytest.mark.parametrize("via", ["send", "list"])
def test_a_redirect_carries_neither_prompt_nor_key(client: OpenAI, server: MoonshotServer, via: str) -> None:
    with MoonshotServer(open_door=True) as other:
        path = "/chat/completions" if via == "send" else "/models"
        server.inject(Fault("redirect", path=path, url=f"{other.base_url}{path}", times=None))
        with pytest.raises(openai.OpenAIError) as refused:
            chat(client, extra_headers={"x-more": "1"})
        assert isinstance(refused.value, errors.BaseUrlError)
        assert "redirect" in str(refused.value)
        assert other.requests == ()


def test_a_redirect_is_not_followed_when_the_call_asks_for_it(client: OpenAI, server: MoonshotServer) -> None:
    with MoonshotServer(open_door=True) as other:
        server.inject(Fault("redirect", path="/chat/completions", url=f"{other.base_url}/chat/completions"))
        with pytest.raises(errors.BaseUrlError):
            client.post(
                "/chat/completions",
                body={"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]},
                cast_to=dict[str, Any],
                options={"follow_redirects": True},
            )
        assert other.requests == ()


def test_another_address_gets_nothing(client: OpenAI, server: MoonshotServer) -> None:
    with MoonshotServer(open_door=True) as other:
        for call in (client.get, client.post):
            with pytest.raises(errors.BaseUrlError):
                call(f"{other.base_url}/models", cast_to=dict[str, Any])
        client.base_url = other.base_url
        for again in (client, client.with_options(timeout=3)):
            with pytest.raises(errors.BaseUrlError):
                chat(again)
        assert other.requests == ()
        assert server.count("POST") == 0


def test_nothing_of_the_sdks_variables_leaves(server: MoonshotServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-house")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-of-another-house")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-house")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-another-house")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-another-house\nX-Own: another-house")
    monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
    with pytest.raises(openai.OpenAIError) as missing:
        OpenAI("moonshot")
    assert isinstance(missing.value, errors.KeyMissingError)
    monkeypatch.setenv("MOONSHOT_API_KEY", server.key)
    with OpenAI() as client:
        chat(client)
        chat(client.with_options(default_headers={"X-Mine": "1"}))
        chat(client.copy().copy(api_key=server.key))
    assert server.count("POST") == 3
    for request in server.requests:
        assert "another-house" not in str(request.headers)
        assert request.headers["authorization"] == f"Bearer {server.key}"
    assert server.requests[-2].headers.get("x-mine") == "1"


def test_another_key_gets_its_own_list(client: OpenAI, server: MoonshotServer) -> None:
    from moongate.testing import Account

    account = Account(models=["kimi-k3"])
    server.models = ["kimi-k2.6", "kimi-k3"]
    server.accounts.add(account)
    other = client.with_options(api_key=account.key)
    chat(other, "kimi-k3")
    with pytest.raises(errors.ModelRefusedError):
        chat(other, "kimi-k2.6")
    other.close()


def test_a_key_said_for_one_address_does_not_follow_to_another(client: OpenAI, server: MoonshotServer) -> None:
    with MoonshotServer(open_door=True) as other:
        with pytest.raises(errors.KeyMissingError):
            client.with_options(base_url=other.base_url)
        with client.with_options(base_url=other.base_url, api_key=other.key) as moved:
            chat(moved)
        assert server.key not in str(other.requests)
        assert other.count("POST") == 1
    chat(client)


def test_without_a_list_nothing_is_sent(client: OpenAI, server: MoonshotServer) -> None:
    server.inject(Fault("status", path="/models", status=500, times=None))
    with pytest.raises(openai.OpenAIError) as refused:
        chat(client)
    assert isinstance(refused.value, errors.ListUnavailableError)
    assert server.count("POST") == 0


def test_what_the_provider_answers_stays_the_sdks_error(client: OpenAI, server: MoonshotServer) -> None:
    server.inject(Fault("refusal", name="wrong_key", path="/chat/completions"))
    with pytest.raises(openai.AuthenticationError):
        chat(client)


def test_the_sdk_tries_again_behind_the_guard(client: OpenAI, server: MoonshotServer) -> None:
    server.inject(Fault("status", path="/chat/completions", status=503, headers={"retry-after-ms": "1"}))
    assert chat(client).choices[0].message.content == "hello"
    assert server.count("POST") == 2
    assert server.count("GET", "/models") == 1


def test_a_file_is_sent_again_whole(client: OpenAI, server: MoonshotServer, tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(b'{"custom_id": "1", "body": {"model": "kimi-k2.6"}}\n' * 1000)
    server.inject(Fault("status", path="/files", status=503, headers={"retry-after-ms": "1"}))
    with path.open("rb") as file:
        client.files.create(file=file, purpose="batch")
    first, second = (request.body for request in server.requests if request.method == "POST")
    assert path.read_bytes() in first
    assert path.read_bytes() in second


def test_the_key_shows_nowhere(client: OpenAI, server: MoonshotServer) -> None:
    assert server.key not in repr(client._watch)
    with pytest.raises(errors.ModelRefusedError) as refused:
        chat(client, "gpt-4o")
    assert server.key not in repr(refused.value) + str(vars(refused.value))


def test_warn_sends_and_says_so_off_sends(server: MoonshotServer, caplog: pytest.LogCaptureFixture) -> None:
    for mode, said in (("warn", 1), ("off", 0)):
        caplog.clear()
        with (
            caplog.at_level(logging.WARNING, logger="moongate"),
            OpenAI("moonshot", api_key=server.key, base_url=server.base_url, guard=mode) as client,
            pytest.raises(openai.NotFoundError),
        ):
            chat(client, "gpt-4o")
        assert caplog.text.count("sent although") == said
    assert server.count("POST") == 2


def test_websockets_are_refused(client: OpenAI, server: MoonshotServer) -> None:
    connect: Any = client.realtime.connect
    with pytest.raises(openai.OpenAIError), connect(model="gpt-realtime"):
        pass
    beta: Any = client.beta
    with pytest.raises(openai.OpenAIError), beta.realtime.connect(model="gpt-realtime"):
        pass
    assert server.requests == ()


def test_an_address_without_a_row_takes_the_key_it_is_given(server: MoonshotServer) -> None:
    with OpenAI(api_key=server.key, base_url=server.base_url) as client:
        assert chat(client).model == "kimi-k2.6"
        with pytest.raises(errors.ModelRefusedError):
            chat(client, "gpt-4o")
        with pytest.raises(errors.NotOfferedError):
            client.balance()


def test_an_endpoint_without_keys_gets_none() -> None:
    with MoonshotServer(dialect="openai", open_door=True) as server:
        with OpenAI(base_url=server.base_url) as client:
            chat(client, server.models[0])
        assert server.count("POST") == 1
        assert all("authorization" not in request.headers for request in server.requests)


def test_copies_keep_the_guard_and_pickles_are_refused(client: OpenAI, server: MoonshotServer) -> None:
    with pytest.raises(errors.ModelRefusedError):
        chat(copy.copy(client), "gpt-4o")
    with pytest.raises(TypeError):
        pickle.dumps(client)
    assert server.count("POST") == 0


def test_closing_closes(server: MoonshotServer) -> None:
    client = OpenAI("moonshot", api_key=server.key, base_url=server.base_url)
    chat(client)
    client.close()
    assert client.is_closed()
    client.close()
    with pytest.raises((RuntimeError, openai.APIConnectionError)):  # as the plain SDK says it: major 3, major 2
        chat(client)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"base_url": "http://example.com/v1", "api_key": "sk-x"}, errors.BaseUrlError),
        ({"provider": "moonshot", "api_key": lambda: "sk-x"}, errors.ConfigError),
        ({"provider": "moonshot", "api_key": "sk-x", "admin_api_key": "sk-y"}, errors.UsageError),
        ({"provider": "moonshot", "api_key": "sk-x", "websocket_base_url": "wss://x"}, errors.UsageError),
        ({"provider": "nobody", "api_key": "sk-x"}, errors.ProviderChoiceError),
        ({"provider": object(), "api_key": "sk-x"}, errors.UsageError),
        ({"provider": "moonshot", "api_key": ""}, errors.KeyMalformedError),
        ({"api_key": "sk-x"}, errors.ProviderChoiceError),
    ],
)
def test_what_cannot_work_is_said_at_once(options: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(openai.OpenAIError) as refused:
        OpenAI(**options)
    assert isinstance(refused.value, kind)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        OpenAI("moonshot", api_key="sk-x", unheard_of=1)
