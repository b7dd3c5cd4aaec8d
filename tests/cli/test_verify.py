"""`moongate verify`: what breaks a pin, what only leaves it unverified, and what a shell script sees of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from moongate.testing import Fault, MoonshotServer

K26 = {"id": "kimi-k2.6", "context_length": 262144, "supports_image_in": True, "supports_reasoning": True}


@pytest.fixture
def locked(moongate, server, project):
    """kimi-k2.6 pinned at Moonshot as "best"."""
    server.models = [K26]
    assert moongate("lock", "best=kimi-k2.6", "--yes").code == 0
    return project / "moongate.lock"


def test_a_pin_that_holds(moongate, locked) -> None:
    ran = moongate("verify", "--json")
    assert ran.code == 0
    pin = {"provider": "moonshot", "id": "kimi-k2.6", "alias": "best", "status": "holds", "detail": "listed"}
    assert ran.json == {"ok": True, "pins": [pin]}
    assert moongate("verify").err == f"{locked}: 1 holds\n"


@pytest.mark.parametrize(
    ("listed", "status", "detail"),
    [
        (["kimi-k3"], "gone", "no longer listed; nearest: 'kimi-k3'"),
        ([{**K26, "context_length": 1000}], "changed", "context fell from 262144 to 1000"),
        ([{**K26, "supports_image_in": False}], "changed", "takes no image"),
        ([{**K26, "supports_reasoning": False}], "changed", "no longer reasons"),
        ([{**K26, "alias_target": {"slug": "kimi-k3"}}], "floating", "re-pointed"),
    ],
)
def test_a_pin_that_is_broken(moongate, server, locked, listed, status, detail) -> None:
    server.models = listed
    ran = moongate("verify", "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    assert ran.json["pins"][0]["status"] == status and detail in ran.json["pins"][0]["detail"]


@pytest.mark.parametrize(
    "listed",
    [
        [{**K26, "id": "Kimi-K2.6"}],
        [{**K26, "context_length": 500_000, "supports_video_in": True}],
        [{"id": "kimi-k2.6"}],
        [K26, "kimi-k3"],
    ],
)
def test_what_is_no_loss_breaks_nothing(moongate, server, locked, listed) -> None:
    server.models = listed
    ran = moongate("verify", "--json")
    assert ran.code == 0 and ran.json["pins"][0]["status"] == "holds"


FAULTS = [
    Fault("status", path="/models", status=500, times=None),
    Fault("status", path="/models", status=401, times=None),
    Fault("reset", path="/models", times=None),
    Fault("truncate", path="/models", times=None),
    Fault("garbage", path="/models", times=None),
    Fault("html_504", path="/models", times=None),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_a_list_that_cannot_be_had_proves_nothing(moongate, server, locked, fault) -> None:
    server.models = ["kimi-k3"]
    server.inject(fault)
    ran = moongate("verify", "--json")
    assert (ran.code, ran.json["ok"], ran.json["pins"][0]["status"]) == (0, True, "unverified")
    assert "could not be verified" in ran.err
    ran = moongate("verify", "--strict", "--json")
    assert (ran.code, ran.json["ok"]) == (4, False)


def test_without_a_key_nothing_is_verified_and_an_empty_one_is_a_mistake(moongate, locked, monkeypatch) -> None:
    monkeypatch.delenv("MOONSHOT_API_KEY")
    ran = moongate("verify")
    assert ran.code == 0 and "no key" in ran.err and "1 unverified" in ran.err
    monkeypatch.setenv("MOONSHOT_API_KEY", "")
    assert moongate("verify").code == 2


def test_of_two_providers_one_fails(moongate, server, router, project) -> None:
    assert moongate("lock", "k2.6", "--yes").code == 0
    router.inject(Fault("status", path="/models", status=503, times=None))
    ran = moongate("verify", "--json")
    assert [pin["status"] for pin in ran.json["pins"]] == ["holds", "unverified"] and ran.code == 0
    server.models = ["kimi-k3"]
    assert moongate("verify").code == 1
    assert moongate("verify", "-p", "openrouter").code == 0
    assert moongate("verify", "-p", "aimlapi").code == 2


def test_a_public_list_needs_no_key(moongate, router, project) -> None:
    assert "OPENROUTER_API_KEY" not in os.environ
    assert moongate("lock", "moonshotai/kimi-k2.6", "--yes").code == 0
    ran = moongate("verify", "--json")
    assert ran.json["pins"][0]["status"] == "holds"
    assert all("authorization" not in request.headers for request in router.requests)


def test_offline_looks_only_at_the_form(moongate, locked) -> None:
    ran = moongate("verify", "--offline", "--base-url", "http://127.0.0.1:9/v1", "--json")
    assert ran.code == 0 and ran.json["pins"][0]["status"] == "unverified"
    locked.write_text('version = 1\n[aliases]\nbest = { moonshot = "kimi-latest" }\n')
    assert moongate("verify", "--offline", "--json").json["pins"][0]["status"] == "floating"
    assert moongate("verify", "--offline").code == 1
    locked.write_text('version = 1\n[aliases]\nbest = { moonshot = "kimi latest\\n" }\n')
    assert moongate("verify", "--offline").code == 2
    assert moongate("verify", "--offline", "--lists", ".").code == 2


def test_saved_lists_stand_for_the_network(moongate, server, locked, tmp_path, monkeypatch) -> None:
    lists = tmp_path / "lists"
    assert moongate("models", "--save", str(lists)).code == 0
    server.close()
    monkeypatch.delenv("MOONSHOT_API_KEY")
    ran = moongate("verify", "--lists", str(lists), "--json")
    assert (ran.code, ran.json["pins"][0]["status"]) == (0, "holds")
    for body, code, status in (
        ('{"data": [{"id": "kimi-k3"}]}', 1, "gone"),
        ('{"data": [{"id": "kimi-k3"}], "has_more": true}', 0, "unverified"),
        ('{"data": [{"id": "kim', 0, "unverified"),
        ('{"data": []}', 0, "unverified"),
    ):
        (lists / "moonshot.json").write_text(body)
        ran = moongate("verify", "--lists", str(lists), "--json")
        assert (ran.code, ran.json["pins"][0]["status"]) == (code, status), body
    (lists / "other.json").write_text("{}")
    (lists / "moonshot.json").unlink()
    ran = moongate("verify", "--lists", str(lists))
    assert ran.code == 0 and "no provider 'other'" in ran.err
    assert moongate("verify", "--lists", str(tmp_path / "absent")).code == 2


def test_no_lock(moongate, server, project) -> None:
    ran = moongate("verify")
    assert ran.code == 2 and "moongate lock" in ran.err
    assert moongate("verify", "--file", "absent.lock", "--json").json["error"]["kind"] == "usage"
    (project / "moongate.lock").write_text("version = 1\n")
    assert "nothing is pinned" in moongate("verify").err


def test_an_address_that_leads_to_another_endpoint_verifies_nothing(moongate, locked, monkeypatch) -> None:
    monkeypatch.setenv("MOONSHOT_BASE_URL", "https://api.moonshot.cn/v1")
    ran = moongate("verify", "--json")
    assert ran.json["pins"][0]["status"] == "unverified" and "moonshot-cn" in ran.json["pins"][0]["detail"]


SCRIPT = """
set -e
moongate verify --quiet >/dev/null
echo built
"""


def test_a_shell_script_goes_on_or_stops(locked, server) -> None:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def script() -> tuple[int, str]:
        shell = shutil.which("sh") or "/bin/sh"
        ran = subprocess.run(
            [shell, "-c", SCRIPT], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        return ran.returncode, ran.stdout

    assert script() == (0, "built\n")
    server.models = ["kimi-k3"]
    assert script() == (1, "")
    server.inject(Fault("status", path="/models", status=500, times=None))
    assert script() == (0, "built\n")
    server.heal()
    server.models = [K26]
    assert script() == (0, "built\n")
    locked.write_text("version = \n")
    assert script() == (2, "")


def test_another_endpoint_s_server(moongate, locked) -> None:
    with MoonshotServer(models=["kimi-k3"]) as other:
        ran = moongate("verify", "-p", "moonshot", "--base-url", other.base_url)
    assert "is asked at" in ran.err
