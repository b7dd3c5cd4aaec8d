"""The clients that everybody has, against a real gateway: models, chat, stream, tools, a wrong id.

The others, each in an environment of its own: `make interop`.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _script() -> ModuleType:
    path = Path(__file__).parent.parent.parent / "scripts" / "real_clients.py"
    spec = importlib.util.spec_from_file_location("real_clients", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["real_clients"] = module
    spec.loader.exec_module(module)
    return module


clients = _script()
TOOLS = {"curl.py": "curl", "fetch.mjs": "node"}


@pytest.mark.parametrize("client", clients.CLIENTS_HERE, ids=lambda client: client.name)
def test_a_real_client_sees_what_it_should(client, tmp_path) -> None:
    needed = TOOLS.get(client.program)
    if needed is not None and shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    with clients.gateway(tmp_path) as served:
        seen = clients.run(client, served.env)
    assert clients.differences(seen) == []
    assert set(seen) >= set(clients.EXPECTED)


def test_what_a_client_did_not_see_is_a_difference() -> None:
    good = {**clients.EXPECTED, "pieces": 3}
    assert clients.differences(good) == []
    assert clients.differences(good | {"chat": "?"}) == ["chat: '?', not 'hello'"]
    assert clients.differences(good | {"pieces": 1}) == ["the stream came in one piece"]
    assert clients.differences({"failed": "boom"}) == ["boom"]
    assert "tool is missing" in clients.differences(
        {"chat": "hello", "stream": "hello again", "refused": "kimi-k2.6"}
    )
