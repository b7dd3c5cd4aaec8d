"""One fetch for everybody, and bodies that somebody else wrote."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from moongate import AsyncClient, Client, ModelRefusedError, MoongateError
from moongate.client.build import parts
from moongate.errors import RequestRefusedError, UntrustedProjectError
from moongate.settings import Flags, load
from moongate.testing import Fault, FixedClock, MoonshotServer

HELLO = [{"role": "user", "content": "hi"}]


def _options(server: MoonshotServer) -> dict[str, Any]:
    return {"provider": "moonshot", "base_url": server.base_url, "api_key": server.key}


def test_two_hundred_tasks_on_a_cold_cache_ask_once(moonshot_server: MoonshotServer) -> None:
    moonshot_server.inject(Fault("slow", path="/models", seconds=0.2))

    async def ask() -> list[Any]:
        async with AsyncClient(**_options(moonshot_server)) as client:
            return await asyncio.gather(*(client.chat(model="kimi-k2.6", messages=HELLO) for _ in range(200)))

    assert {answer.content for answer in asyncio.run(ask())} == {"hi"}
    assert moonshot_server.count("GET", "/v1/models") == 1 and moonshot_server.count("POST") == 200


def test_fifty_threads_of_one_client_ask_once(moonshot_server: MoonshotServer) -> None:
    moonshot_server.inject(Fault("slow", path="/models", seconds=0.2))
    with Client(**_options(moonshot_server)) as client, ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.chat(model="kimi-k2.6", messages=HELLO).content, range(50)))
    assert answers == ["hi"] * 50 and moonshot_server.count("GET", "/v1/models") == 1


def test_two_hundred_wrong_ids_ask_at_most_once_more(moonshot_server: MoonshotServer) -> None:
    with Client(**_options(moonshot_server)) as client:
        for number in range(200):
            with pytest.raises(ModelRefusedError):
                client.chat(model=f"kimi-{number}", messages=HELLO)
    assert moonshot_server.count("GET") <= 2 and moonshot_server.count("POST") == 0


def test_an_id_that_appears_is_found_by_one_refetch(moonshot_server: MoonshotServer) -> None:
    moonshot_server.models = ["kimi-k2.6"]
    clock = FixedClock()
    with closing(parts(load(Flags(**_options(moonshot_server))), clock=clock)) as made:
        with pytest.raises(ModelRefusedError):
            made.guard.allow("kimi-k3")
        moonshot_server.models = ["kimi-k2.6", "kimi-k3"]
        assert made.guard.at_hand("kimi-k3") is None
        clock.advance(31)
        assert made.guard.allow("kimi-k3").id == "kimi-k3" and moonshot_server.count("GET") == 2
        permit = made.guard.at_hand("kimi-k3")
        assert permit is not None and permit.notes == ()


def test_the_loop_runs_on_while_the_guard_fetches(moonshot_server: MoonshotServer) -> None:
    clock, ticks = FixedClock(), []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.01)

    async def ask() -> None:
        async with AsyncClient(**_options(moonshot_server)) as client:
            await client.models()
            client._parts = parts(client.settings, clock=clock)
            clock.now = time.time() + 60  # the list is old enough to be asked for a missing id
            moonshot_server.inject(Fault("slow", path="/models", seconds=0.3))
            ticking = asyncio.create_task(tick())
            with pytest.raises(ModelRefusedError):
                await client.chat(model="kimi-k2.6", messages=HELLO, extra_body={"models": ["kimi-k9"]})
            ticking.cancel()

    asyncio.run(ask())
    assert len(ticks) > 3 and moonshot_server.count("GET") == 2 and moonshot_server.count("POST") == 0


RELAYED = [
    ({"model": "kimi-k2.6", "messages": HELLO}, None),
    ({"model": "moonshot/kimi-k2.6", "messages": HELLO}, ModelRefusedError),
    ({"model": "kimi-k9", "messages": HELLO}, ModelRefusedError),
    ({"model": "kimi-k2.6", "models": ["kimi-k9"], "messages": HELLO}, ModelRefusedError),
    ({"messages": HELLO}, RequestRefusedError),
    (b'{"model":"kimi-k2.6","model":"kimi-k9"}', RequestRefusedError),
    (b'{"model":"kimi-k2.6","mod\\u0065l":"kimi-k9"}', RequestRefusedError),
    (b'\xef\xbb\xbf{"model":"kimi-k2.6"}', RequestRefusedError),
    (b"\x1f\x8b\x08\x00", RequestRefusedError),
]


@pytest.mark.parametrize(("body", "error"), RELAYED)
def test_relayed_bytes_are_checked_and_left_as_they_are(
    moonshot_server: MoonshotServer, body: Any, error: type[MoongateError] | None
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def relay() -> tuple[int, bytes]:
        async with AsyncClient(**_options(moonshot_server)) as client, client.relay(raw) as (_, head, pieces):
            return head.status, b"".join([piece async for piece in pieces])

    if error is None:
        status, answer = asyncio.run(relay())
        assert status == 200 and json.loads(answer)["model"] == "kimi-k2.6"
        assert moonshot_server.requests[-1].body == raw
    else:
        with pytest.raises(error):
            asyncio.run(relay())
        assert moonshot_server.count("POST") == 0


def _pinned(server: MoonshotServer, tmp_path: Path, **files: str) -> Any:
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    return parts(load(Flags(**_options(server)), cwd=tmp_path, home=tmp_path))


def test_what_a_lock_pins_is_sent_by_its_id(moonshot_server: MoonshotServer, tmp_path: Path) -> None:
    text = 'version = 1\n[aliases]\nbest = { moonshot = "kimi-k2.6", openrouter = "moonshotai/kimi-k2.6" }\n'
    with closing(_pinned(moonshot_server, tmp_path, moongate_lock=text)) as made:
        assert made.guard.allow("best").id == "kimi-k2.6" and "pinned" in made.guard.allow("best").notes[0]
        assert made.guard.allow("kimi-k2.6").notes == ()


def test_a_pin_to_what_is_not_listed_is_refused_by_both_names(
    moonshot_server: MoonshotServer, tmp_path: Path
) -> None:
    text = 'version = 1\n[aliases]\nold = { moonshot = "kimi-k2-0711-preview" }\n'
    said = r"'old' \(pinned to 'kimi-k2-0711-preview'\): it was retired"
    with (
        closing(_pinned(moonshot_server, tmp_path, moongate_lock=text)) as made,
        pytest.raises(ModelRefusedError, match=said),
    ):
        made.guard.allow("old")
    assert moonshot_server.count("POST") == 0


@pytest.mark.parametrize(
    ("name", "advice"), [("moongate_lock", "Rename"), ("moongate_toml", "moongate config trust")]
)
def test_a_project_that_shadows_a_listed_id_is_told_so(
    moonshot_server: MoonshotServer, tmp_path: Path, name: str, advice: str
) -> None:
    text = '[aliases."kimi-k2.6"]\nmoonshot = "kimi-k2.5"\n'
    with closing(_pinned(moonshot_server, tmp_path, **{name: "version = 1\n" * ("lock" in name) + text})) as made:
        assert made.guard.allow("kimi-k3").notes == ()
        with pytest.raises(UntrustedProjectError, match=f"may not shadow.*{advice}") as caught:
            made.guard.allow("kimi-k2.6")
    assert caught.value.exit_code == 2


def test_a_user_s_own_pin_never_comes_before_a_listed_id(moonshot_server: MoonshotServer, tmp_path: Path) -> None:
    named = tmp_path / "mine.toml"
    named.write_text('[aliases."kimi-k2.6"]\nmoonshot = "kimi-k2.5"\n')
    settings = load(Flags(**_options(moonshot_server), config=str(named)), cwd=tmp_path, home=tmp_path)
    with closing(parts(settings)) as made:
        permit = made.guard.allow("kimi-k2.6")
    assert permit.id == "kimi-k2.6" and "not used" in permit.notes[0]
