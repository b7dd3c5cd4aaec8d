"""What the embedded model does as an upstream, and that its process never outlives ours."""

import concurrent.futures
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import moongate
from moongate.engine.server import EmbeddedServer, last_words, start
from moongate.engine.weights import LocalModel
from moongate.errors import EngineError, MissingExtraError, StorageError, UsageError

QUESTION = {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 4}
STARTER = """
import sys, time
from pathlib import Path
from moongate.engine.server import start
from moongate.engine.weights import LocalModel
with start(LocalModel(path=Path(sys.argv[1]), model_id="m", origin="adopted")) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


def ask(
    server: EmbeddedServer, path: str, body: Mapping[str, Any] | None = None, key: str | None = None
) -> tuple[int, str]:
    address = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    headers = {"Authorization": f"Bearer {key or server.key}", "Content-Type": "application/json"}
    try:
        connection.request(
            "POST" if body else "GET", address.path + path, json.dumps(body) if body else None, headers
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(pid)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_last_words_are_the_errors_without_their_times() -> None:
    log = ["0.00.001 I srv: starting", "0.00.002 E gguf: bad magic", "0.00.003 I srv: cleaning up", ""]
    assert last_words(log) == "gguf: bad magic"
    assert last_words(["Traceback", "  File x", "a", "ValueError: b"]) == "File x | a | ValueError: b"
    assert last_words([]) == ""


def test_it_lists_its_one_model_with_the_context_of_a_slot(embedded: EmbeddedServer) -> None:
    status, text = ask(embedded, "/models")
    (row,) = json.loads(text)["data"]
    assert status == 200
    assert row["id"] == embedded.model_id == "smollm2-135m-instruct"
    assert row["meta"]["n_ctx"] == embedded.context_length == 2048


def test_it_chats(embedded: EmbeddedServer) -> None:
    status, text = ask(embedded, "/chat/completions", QUESTION)
    assert status == 200
    assert json.loads(text)["usage"]["completion_tokens"] == 4


def test_it_streams(embedded: EmbeddedServer) -> None:
    status, text = ask(
        embedded, "/chat/completions", QUESTION | {"stream": True, "stream_options": {"include_usage": True}}
    )
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert status == 200
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 4


def test_four_are_served_at_once_and_a_fifth_waits(embedded: EmbeddedServer) -> None:
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: ask(embedded, "/chat/completions", QUESTION)[0], range(5)))
    assert answers == [200] * 5


def test_a_wrong_key_is_refused(embedded: EmbeddedServer) -> None:
    for path, body in (("/models", None), ("/chat/completions", QUESTION)):
        status, text = ask(embedded, path, body, key="wrong")
        assert status == 401
        assert json.loads(text)["error"]["type"] == "authentication_error"


def test_what_does_not_fit_a_slot_is_refused_with_both_numbers(embedded: EmbeddedServer) -> None:
    long = {"messages": [{"role": "user", "content": "word " * 3000}]}
    status, text = ask(embedded, "/chat/completions", long)
    error = json.loads(text)["error"]
    assert status == 400
    assert error["type"] == "exceed_context_size_error"
    assert error["n_prompt_tokens"] > error["n_ctx"] == embedded.context_length


def test_it_is_not_for_browsers(embedded: EmbeddedServer) -> None:
    address = urlsplit(embedded.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        connection.request(
            "GET", "/", headers={"Origin": "https://site.test", "Authorization": f"Bearer {embedded.key}"}
        )
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    assert answer.status == 404
    assert not answer.headers["Access-Control-Allow-Origin"]


def test_the_key_is_long_and_nowhere_to_be_read(embedded: EmbeddedServer) -> None:
    process = Path(f"/proc/{embedded.pid}")
    assert len(embedded.key) >= 43  # 256 bits in base 64
    assert embedded.key not in repr(embedded)
    assert embedded.key.encode() not in (process / "cmdline").read_bytes()
    assert embedded.key.encode() not in (process / "environ").read_bytes()


def test_close_leaves_no_process_and_its_key_is_its_own(
    local_model: LocalModel, embedded: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-user")
    log = tmp_path / "llama.log"
    with start(local_model, slots=1, context_tokens=512, log_path=log) as server:
        assert b"sk-of-the-user" not in Path(f"/proc/{server.pid}/environ").read_bytes()
        assert server.context_length == 512
        assert server.key != embedded.key
    server.close()
    assert not runs(server.pid)
    assert "listening" in log.read_text()
    assert server.key not in log.read_text()


@pytest.mark.parametrize("loading", [True, False])
def test_it_does_not_outlive_a_killed_parent(local_model: LocalModel, loading: bool) -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTER, str(local_model.path)], stdout=subprocess.PIPE)
    with parent:
        if loading:
            while not (started := children(parent.pid)):
                time.sleep(0.01)
            (pid,) = started
        else:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    assert gone_within(pid, 2)


def test_a_fork_of_the_parent_does_not_keep_it_alive(local_model: LocalModel) -> None:
    forking = STARTER.replace("    time", "    fork = os.fork()\n    fork and print(fork, flush=True)\n    time")
    command = [sys.executable, "-c", f"import os{forking}", str(local_model.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        fork = int(parent.stdout.readline())
        parent.kill()
    try:
        assert gone_within(pid, 2)
    finally:
        os.kill(fork, signal.SIGKILL)


def test_ctrl_c_in_the_parent_ends_it(local_model: LocalModel) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(local_model.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGINT)
        parent.wait(20)
    assert not runs(pid)


@pytest.mark.parametrize("rest", [b"", b"\x03\0\0\0" + b"\0" * 5000, b"\x03\0\0\0" + b"\xff" * 5000, b"\xa5" * 5000])
def test_a_file_that_only_starts_like_a_model_is_an_error(
    local_model: LocalModel, tmp_path: Path, rest: bytes
) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + rest)
    before = children(os.getpid())
    with pytest.raises(EngineError, match=r"'bad' .*did not start.*its last words: .*model") as caught:
        start(LocalModel(path=bad, model_id="bad", origin="adopted"))
    assert "moongate local pull" in caught.value.advice
    assert children(os.getpid()) == before


def test_half_a_model_is_an_error(local_model: LocalModel, tmp_path: Path) -> None:
    with local_model.path.open("rb") as file:
        (tmp_path / "half.gguf").write_bytes(file.read(5_000_000))
    with pytest.raises(EngineError, match="did not start"):
        start(LocalModel(path=tmp_path / "half.gguf", model_id="half", origin="adopted"))


def test_a_model_that_takes_too_long_is_given_up(local_model: LocalModel) -> None:
    with pytest.raises(EngineError, match=r"not ready after 0\.01 seconds"):
        start(local_model, timeout_s=0.01)


def test_too_little_context_is_refused_before_anything_starts(tmp_path: Path) -> None:
    model = LocalModel(path=tmp_path / "x.gguf", model_id="x", origin="adopted")
    for slots, tokens in ((0, 8192), (4, 512)):
        with pytest.raises(UsageError, match="too little"):
            start(model, slots=slots, context_tokens=tokens)


def test_a_log_that_cannot_be_written_is_a_matter_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        start(LocalModel(path=tmp_path, model_id="x", origin="adopted"), log_path=tmp_path)


def test_without_xllamacpp_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.EnvBuilder(symlinks=True).create(tmp_path / "bare")
    monkeypatch.setenv("PYTHONPATH", str(Path(moongate.__file__).parents[1]))
    code = f"try:\n    import moongate.errors{STARTER.replace(chr(10), chr(10) + '    ')}\n"
    code += "except moongate.errors.MissingExtraError as error:\n    print(error)"
    bare = subprocess.run(
        [str(tmp_path / "bare" / "bin" / "python"), "-c", code, str(tmp_path / "x.gguf")],
        capture_output=True,
        text=True,
    )
    assert bare.stderr == ""
    assert "pip install 'moongate[local]'" in bare.stdout
    assert MissingExtraError.exit_code == 2
