"""`moongate diff`: what appeared, went and changed since the lock."""

from __future__ import annotations

import pytest

from moongate.testing import Fault

K26 = {"id": "kimi-k2.6", "context_length": 262144, "supports_image_in": True, "supports_reasoning": True}


@pytest.fixture
def locked(moongate, server, project):
    server.models = [K26, "kimi-k2.5"]
    assert moongate("lock", "best=kimi-k2.6", "--yes").code == 0
    return project / "moongate.lock"


def test_nothing_changed(moongate, locked) -> None:
    ran = moongate("diff", "--json")
    assert (ran.code, ran.json) == (0, {"moonshot": {"appeared": [], "gone": [], "changed": []}})
    assert moongate("diff").err == "nothing changed\n"


def test_what_appeared_went_and_changed(moongate, server, locked) -> None:
    server.models = [{**K26, "context_length": 1000, "supports_image_in": False}, "kimi-k3"]
    assert moongate("diff", "--json").json == {
        "moonshot": {
            "appeared": ["kimi-k3"],
            "gone": ["kimi-k2.5"],
            "changed": [
                {"id": "kimi-k2.6", "field": "context", "from": 262144, "to": 1000},
                {"id": "kimi-k2.6", "field": "inputs", "from": ["text", "image"], "to": ["text"]},
            ],
        }
    }
    assert moongate("diff").out.splitlines() == [
        "moonshot + kimi-k3",
        "moonshot - kimi-k2.5",
        "moonshot ~ kimi-k2.6: context 262144 → 1000",
        "moonshot ~ kimi-k2.6: inputs text+image → text",
    ]


def test_letter_case_is_a_change_and_neither_loss_nor_gain(moongate, server, locked) -> None:
    server.models = [{**K26, "id": "Kimi-K2.6"}, "kimi-k2.5"]
    changed = [{"id": "kimi-k2.6", "field": "id", "from": "kimi-k2.6", "to": "Kimi-K2.6"}]
    assert moongate("diff", "--json").json["moonshot"] == {"appeared": [], "gone": [], "changed": changed}


def test_a_list_that_cannot_be_had(moongate, server, router, project) -> None:
    assert moongate("lock", "k2.6", "--yes").code == 0
    router.inject(Fault("status", path="/models", status=500, times=None))
    ran = moongate("diff", "--json")
    assert (ran.code, list(ran.json)) == (0, ["moonshot"]) and "openrouter could not be compared" in ran.err
    server.inject(Fault("status", path="/models", status=500, times=None))
    assert moongate("diff").code == 4


def test_a_partial_list_says_nothing_is_gone(moongate, locked, tmp_path) -> None:
    (tmp_path / "moonshot.json").write_text('{"data": [{"id": "kimi-k9"}], "has_more": true}')
    ran = moongate("diff", "--lists", str(tmp_path), "--json")
    assert (ran.json["moonshot"]["appeared"], ran.json["moonshot"]["gone"]) == (["kimi-k9"], [])
    assert "nothing is said to be gone" in ran.err


def test_of_a_long_list_only_what_is_akin_is_kept_and_compared(moongate, router, project) -> None:
    others = [f"other/model-{number}" for number in range(100)]
    router.models = [*others, "moonshotai/kimi-k2.6"]
    assert moongate("lock", "k2.6", "--yes").code == 0
    assert "other/" not in (project / "moongate.lock").read_text()
    router.models = [*others[5:], "new/model", "moonshotai/kimi-k2.6", "moonshotai/kimi-k9"]
    assert moongate("diff", "--json").json["openrouter"] == {
        "appeared": ["moonshotai/kimi-k9"],
        "gone": [],
        "changed": [],
    }
