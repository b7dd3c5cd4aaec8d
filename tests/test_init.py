"""The shop window: sorted, complete, and as good as free to import."""

from __future__ import annotations

import subprocess
import sys

import moongate

HEAVY = ("httpx2", "msgspec", "starlette", "uvicorn", "openai", "click", "rich", "keyring", "filelock", "pytest")


def test_names_are_sorted_and_are_the_namespace() -> None:
    assert list(moongate.__all__) == sorted(moongate.__all__) and len(set(moongate.__all__)) == len(moongate.__all__)
    assert {*moongate._HOMES, "__version__"} == set(moongate.__all__) <= set(dir(moongate))
    for name in moongate.__all__:
        assert getattr(moongate, name) is not None
        assert name == "__version__" or getattr(moongate, name).__name__ == name


def _loaded(code: str) -> set[str]:
    told = f"{code}\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    return set(
        subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_loads_nothing_heavy() -> None:
    assert _loaded("import moongate") == set()
    assert _loaded("import moongate.testing.plugin") <= {"pytest"}


def test_the_batch_room_is_at_hand_and_costs_nothing_until_it_is_used() -> None:
    assert _loaded("import moongate; moongate.batch") == set()
    assert "httpx2" not in _loaded("import moongate; assert moongate.batch.Job.__name__ == 'Job'")


def test_making_a_client_touches_no_network_and_no_keyring() -> None:
    made = "import moongate; moongate.Client('moonshot', api_key='sk-x')"
    assert not _loaded(made) & {"starlette", "uvicorn", "openai", "click", "rich", "keyring", "pytest"}
