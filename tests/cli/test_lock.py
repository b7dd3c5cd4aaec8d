"""`moongate lock`: proposals from live lists, asked about, and what is never pinned."""

from __future__ import annotations

import contextlib
import os
import pty
import stat
import subprocess
import sys
import time

import pytest

from moongate.catalog import lock as locks
from moongate.testing import Fault, MoonshotServer


def test_a_name_is_pinned_at_every_endpoint_in_use(moongate, server, router, project) -> None:
    ran = moongate("lock", "k2.6", "--yes", "--json")
    assert ran.code == 0 and set(ran.json) == {"path", "written", "pins", "unmet"}
    assert (ran.json["path"], ran.json["written"]) == (str(project / "moongate.lock"), True)
    assert ran.json["pins"][0] == {
        "provider": "moonshot",
        "id": "kimi-k2.6",
        "alias": "k2.6",
        "context": 262144,
        "inputs": ["text", "image", "video"],
        "reasoning": True,
        "floating": False,
    }
    written = locks.read(project / "moongate.lock")
    assert written.aliases == {"k2.6": {"moonshot": "kimi-k2.6", "openrouter": "moonshotai/kimi-k2.6"}}
    endpoint = written.endpoints["moonshot"]
    assert (endpoint.base_url, endpoint.total, endpoint.listed) == (server.base_url, 1, ("kimi-k2.6",))
    assert len(endpoint.sha256) == 64
    text = (project / "moongate.lock").read_text()
    assert server.key not in text and "Bearer" not in text


def test_an_id_needs_no_alias_where_it_is_the_same_everywhere(moongate, server, project) -> None:
    assert moongate("lock", "kimi-k2.6", "--yes").code == 0
    written = locks.read(project / "moongate.lock")
    assert written.aliases == {} and set(written.endpoints["moonshot"].ids) == {"kimi-k2.6"}
    assert written.default == "moonshot"


def test_the_alias_works_where_an_id_does(moongate, server, project) -> None:
    assert moongate("lock", "best=kimi k2.6", "--yes").code == 0
    assert moongate("chat", "hi", "-m", "best").out == "hi\n"
    assert moongate("models", "best", "--json").json["results"][0]["id"] == "kimi-k2.6"
    (project / "inner").mkdir()
    os.chdir(project / "inner")
    assert moongate("chat", "hi", "-m", "best").code == 0


def test_without_a_terminal_nothing_is_written_and_it_does_not_hang(moongate, server, project) -> None:
    ran = moongate("lock", "k2.6")
    assert ran.code == 2 and "--yes" in ran.err
    assert ran.out.splitlines()[1].split("\t")[:3] == ["k2.6", "moonshot", "kimi-k2.6"]
    assert not (project / "moongate.lock").exists()
    assert moongate("lock", "k2.6", "--json").json["error"]["kind"] == "usage"


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"\n", 0), (b"n\n", 1), (b"\x03", 130)])
def test_on_a_terminal_it_asks(server, project, typed: bytes, code: int) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "moongate", "lock", "k2.6"]
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=_own_terminal,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        asked = b""
        while b"[Y/n]" not in asked:
            piece = os.read(process.stderr.fileno(), 4096)
            assert piece, asked
            asked += piece
        for _ in range(5):
            time.sleep(0.3)  # until it reads
            os.write(master, typed)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=10)
                break  # else it was a Ctrl-C that came just before the read began: it has to be given again
    os.close(master)
    os.close(slave)
    assert process.returncode == code and (project / "moongate.lock").exists() == (code == 0)


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_name_that_is_nowhere(moongate, server, project) -> None:
    ran = moongate("lock", "kimi-k9", "kimi-k2.6", "--yes", "--json")
    assert ran.code == 1 and ran.json["unmet"] == ["kimi-k9"] and "nearest: 'kimi-k2.6'" in ran.err
    assert locks.read(project / "moongate.lock").ids_at("moonshot") == {"kimi-k2.6"}
    (project / "moongate.lock").unlink()
    assert moongate("lock", "kimi-k9", "--yes").code == 1 and not (project / "moongate.lock").exists()


def test_an_alias_may_not_shadow_a_listed_id(moongate, server, router, project) -> None:
    ran = moongate("lock", "kimi-k2.6=kimi-k3", "--yes")
    assert ran.code == 1 and "may not shadow" in ran.err and not (project / "moongate.lock").exists()


def test_an_endpoint_that_fails_is_left_out_and_all_failing_fail(moongate, server, router, project) -> None:
    router.inject(Fault("status", path="/models", status=500, times=None))
    ran = moongate("lock", "k2.6", "--yes")
    assert ran.code == 0 and "openrouter is left out" in ran.err
    server.inject(Fault("status", path="/models", status=500, times=None))
    assert moongate("lock", "k2.6", "--yes").code == 4


def test_without_a_name_what_is_pinned_is_looked_up_anew(moongate, server, project) -> None:
    assert moongate("lock").code == 2
    assert moongate("lock", "kimi-k2.6", "--yes").code == 0
    before = (project / "moongate.lock").read_text()
    server.models = [{"id": "kimi-k2.6", "context_length": 1000, "supports_image_in": False}, "kimi-k3"]
    assert moongate("lock", "--yes").code == 0
    pin = locks.read(project / "moongate.lock").endpoints["moonshot"].ids["kimi-k2.6"]
    assert (pin.context, pin.inputs) == (1000, ("text",)) and (project / "moongate.lock").read_text() != before
    server.models = ["kimi-k3"]
    ran = moongate("lock", "--yes")
    assert ran.code == 1 and "no longer lists 'kimi-k2.6'" in ran.err
    assert "kimi-k2.6" in locks.read(project / "moongate.lock").endpoints["moonshot"].ids


def test_the_same_again_changes_nothing(moongate, server, project) -> None:
    assert moongate("lock", "k2.6", "--yes").code == 0
    before = (project / "moongate.lock").read_text()
    ran = moongate("lock", "k2.6", "--json")
    assert ran.code == 0 and ran.json["written"] is False and (project / "moongate.lock").read_text() == before


def test_the_nearest_lock_is_the_one_that_is_written(moongate, server, project, monkeypatch) -> None:
    assert moongate("lock", "kimi-k2.6", "--yes").code == 0
    (project / "packages" / "one").mkdir(parents=True)
    monkeypatch.chdir(project / "packages" / "one")
    assert moongate("lock", "best=kimi-k2.6", "--yes").code == 0
    assert "best" in locks.read(project / "moongate.lock").aliases
    assert moongate("lock", "kimi-k2.6", "--yes", "--file", "moongate.lock").code == 0
    assert "best" not in locks.read(project / "packages" / "one" / "moongate.lock").aliases


def test_nothing_set_up_and_the_embedded_model(moongate, project) -> None:
    ran = moongate("lock", "kimi-k2.6", "--yes")
    assert ran.code == 2 and "-p" in ran.err
    assert moongate("lock", "kimi-k2.6", "--yes", "-p", "local").code == 2


def test_a_provider_of_one_s_own(moongate, project, empty_home, monkeypatch) -> None:
    with MoonshotServer(models=["team/kimi-k2.6"], dialect="openai") as box:
        table = f'[providers.box]\nbase_url = "{box.base_url}"\nkey_env = "BOX_KEY"\n'
        (empty_home / "config").mkdir()
        (empty_home / "config" / "config.toml").write_text(table)
        monkeypatch.setenv("BOX_KEY", box.key)
        assert moongate("lock", "k2.6", "--yes").code == 0
        assert locks.read(project / "moongate.lock").aliases == {"k2.6": {"box": "team/kimi-k2.6"}}
        (empty_home / "config" / "config.toml").unlink()
        ran = moongate("verify", "--json")
    assert (ran.code, ran.json["pins"][0]["status"]) == (0, "unverified") and "no provider 'box'" in ran.err


def test_a_folder_that_cannot_be_written(moongate, server, project) -> None:
    (project / "file").write_text("")
    ran = moongate("lock", "kimi-k2.6", "--yes", "--file", "file/moongate.lock")
    assert ran.code == 2 and "cannot be written" in ran.err


def test_a_lock_that_is_broken_or_newer_is_left_alone(moongate, server, project) -> None:
    for text, said in (("version = 1\n[aliases\n", "line 2"), ("version = 2\n", "newer moongate")):
        (project / "moongate.lock").write_text(text)
        ran = moongate("lock", "kimi-k2.6", "--yes")
        assert ran.code == 2 and said in ran.err and (project / "moongate.lock").read_text() == text


def test_a_floating_id_is_pinned_and_said(moongate, router, project) -> None:
    ran = moongate("lock", "latest=~moonshotai/kimi-latest", "--yes", "-p", "openrouter")
    assert ran.code == 0 and "floats" in ran.err
    assert locks.read(project / "moongate.lock").endpoints["openrouter"].ids["~moonshotai/kimi-latest"].floating
    mode = stat.S_IMODE((project / "moongate.lock").stat().st_mode)
    assert mode & stat.S_IRUSR


CODE = """\
from openai import OpenAI

client = OpenAI(base_url="https://api.moonshot.ai/v1")
client.chat.completions.create(model="kimi-k2.6", messages=[])
client.chat.completions.create(model="kimi-k9", messages=[])
router = OpenAI(base_url="https://openrouter.ai/api/v1")
router.chat.completions.create(model="moonshotai/kimi-k3", messages=[])
"""


def test_from_code_pins_each_id_at_the_endpoint_it_is_meant_for(moongate, server, router, project) -> None:
    (project / "app").mkdir()
    (project / "app" / "main.py").write_text(CODE)
    (project / "fixtures").mkdir()
    (project / "fixtures" / "old.py").write_text(CODE.replace("kimi-k2.6", "kimi-k3"))
    (project / "moongate.toml").write_text('[lint]\nexclude = ["fixtures"]\n')
    ran = moongate("lock", "--from-code", "--yes", "--json")
    assert ran.code == 1 and ran.json["unmet"] == ["kimi-k9"]
    assert "app/main.py:5: 'kimi-k9' is not pinned" in ran.err
    written = locks.read(project / "moongate.lock")
    assert {name: set(endpoint.ids) for name, endpoint in written.endpoints.items()} == {
        "moonshot": {"kimi-k2.6"},
        "openrouter": {"moonshotai/kimi-k3"},
    }
    (project / "app" / "main.py").write_text(CODE.replace("kimi-k9", "kimi-k2.6"))
    ran = moongate("lock", "--from-code", "--json")
    assert ran.code == 0 and ran.json["written"] is False


def test_code_that_uses_nothing(moongate, server, project) -> None:
    ran = moongate("lock", "--from-code", "--yes")
    assert ran.code == 0 and not (project / "moongate.lock").exists()
