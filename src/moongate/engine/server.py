"""Starts and ends the embedded model: a child process that serves it on a loopback port, behind a key of its own.

What it serves is OpenAI's API as llama.cpp speaks it; from `base_url` and `key` on it is an upstream like any other.
Requests are not made here. The child ends when this process does, however this process ends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from moongate.engine.process import end, inherited
from moongate.engine.weights import LocalModel
from moongate.errors import EngineError, MissingExtraError, MoongateError, StorageError, UsageError

LEAST_CONTEXT = 256  # tokens per slot: less does not hold a question
TAIL_LINES = 8
QUOTED_LINES = 3  # of llama.cpp's errors the first say why, the others that it gave up
TAIL_BYTES = 8192

_LLAMA_ERROR = re.compile(r"[\d.]+ E (.*)")  # level E, after the time since the start


@dataclass(kw_only=True, eq=False)
class EmbeddedServer:
    """A running embedded model. Close it, or use it in a `with`."""

    base_url: str  # http://127.0.0.1:PORT/v1
    key: str  # bearer key, 256 random bits, known to this process and the child only
    model_id: str
    context_length: int  # tokens, prompt and answer together, per request
    pid: int
    _process: subprocess.Popen[bytes]

    def __repr__(self) -> str:
        return f"EmbeddedServer({self.model_id!r}, {self.base_url!r}, pid={self.pid})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and wait until it is gone; answers under way break off. Twice is as good as once."""
        end(self._process)


def start(
    model: LocalModel,
    *,
    slots: int = 4,
    context_tokens: int = 8192,
    timeout_s: float = 60,
    log_path: Path | None = None,
) -> EmbeddedServer:
    """Load a model in a child process and return once it answers.

    `slots` requests are served at a time, others wait; each has `context_tokens / slots` tokens. llama.cpp's log is
    appended to `log_path`, or kept nowhere. Raises MissingExtraError without xllamacpp, EngineError when the model
    does not load or takes more than `timeout_s` seconds, StorageError when the log cannot be written.
    """
    _require_context(slots, context_tokens)
    key = secrets.token_urlsafe(32)
    config = {
        "path": str(model.path),
        "model_id": model.model_id,
        "key": key,
        "slots": slots,
        "context_tokens": context_tokens,
        "timeout_s": timeout_s,
        "quiet": log_path is None,
        "parent": os.getpid(),
    }
    with _log(log_path) as log:
        process = _spawn(log)
        try:
            facts = _ready(process, model, config, log)
        except BaseException:
            end(process)
            raise
    return EmbeddedServer(
        base_url=facts["base_url"],
        key=key,
        model_id=model.model_id,
        context_length=facts["context_length"],
        pid=process.pid,
        _process=process,
    )


def require_engine() -> None:
    """Raise MissingExtraError when what runs a model is not installed; nothing is loaded to find out."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise _missing("")


def _missing(why: str) -> MissingExtraError:
    return MissingExtraError(
        f"The embedded model needs xllamacpp, which is not installed for {sys.executable!r}{why}.",
        advice="Install it with: pip install 'moongate[local]'.",
    )


def _require_context(slots: int, context_tokens: int) -> None:
    if slots < 1 or context_tokens // slots < LEAST_CONTEXT:
        raise UsageError(
            f"{context_tokens} tokens of context for {slots} slots is too little.",
            advice=f"Each slot needs {LEAST_CONTEXT} tokens or more: raise the context or lower the slots.",
        )


def _log(path: Path | None) -> IO[bytes]:
    # Without a path its beginning is kept, in a file without a name, for the error in case it does not start.
    if path is None:
        return tempfile.TemporaryFile()
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
    except OSError as error:
        raise StorageError(
            f"The embedded model's log {str(path)!r} cannot be written: {error.strerror}.",
            advice="Name another file.",
        ) from error


def _spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
    # -P: nothing in the working directory is imported in place of the installed package. Not -I: the package
    # may be installed for this user, or on PYTHONPATH. A session of its own: a Ctrl-C is for us, and we end it.
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "moongate.engine.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=inherited(),
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(
            f"The embedded model's process could not be started with {sys.executable!r}: {error}.",
            advice="Run moongate with the Python it is installed for.",
        ) from error


def _ready(
    process: subprocess.Popen[bytes], model: LocalModel, config: dict[str, Any], log: IO[bytes]
) -> dict[str, Any]:
    facts = _introduce(process, config)
    if "base_url" in facts:
        return facts
    end(process)
    raise _explain(model, facts, _tail(log).replace(config["key"], "…"), process.returncode, config["timeout_s"])


def _introduce(process: subprocess.Popen[bytes], config: dict[str, Any]) -> dict[str, Any]:
    """Tell the child what to serve and return what it answers: {} when it ended, "timeout" when it did not answer."""
    if process.stdin is None or process.stdout is None:
        return {}
    try:
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return {}
    line = _line(process.stdout.fileno(), time.monotonic() + config["timeout_s"])
    if line is None:
        return {"kind": "timeout"}
    answer = json.loads(line or b"{}")
    return answer if isinstance(answer, dict) else {}


def _line(descriptor: int, deadline: float) -> bytes | None:
    """Read up to a line's end; b"" when the other side closed before one, None when it took too long."""
    read = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not read.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            chunk = os.read(descriptor, 4096)
            if not chunk:
                return b""
            read += chunk
    return read


def _explain(
    model: LocalModel, facts: dict[str, Any], tail: str, code: int | None, timeout_s: float
) -> MoongateError:
    """Return the error for a child that did not become ready: what it answered, wrote, and ended with."""
    if facts.get("kind") == "missing":
        return _missing(f": {facts['error']}")
    if facts.get("kind") == "timeout":
        return EngineError(
            f"The embedded model {model.model_id!r} was not ready after {timeout_s:g} seconds.",
            advice="A large model takes its time to load: allow more of it, or choose a smaller one.",
        )
    why = facts.get("error", "").rstrip(".") or f"its process ended with {code}"
    return EngineError(
        f"The embedded model {model.model_id!r} ({str(model.path)!r}) did not start: {why}{_quoted(tail)}",
        advice="If the file is damaged: moongate local pull gets the built-in one, --gguf PATH names another.",
    )


def _quoted(tail: str) -> str:
    return f" (its last words: {tail})." if tail else "."


def _tail(log: IO[bytes]) -> str:
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - TAIL_BYTES))
    return last_words(log.read().decode("utf-8", "replace").splitlines())


def last_words(lines: Sequence[str]) -> str:
    """Return what the end of a log says went wrong: the first errors among its last lines, else those lines' last."""
    written = [line.strip() for line in lines if line.strip()][-TAIL_LINES:]
    errors = [found[1] for line in written if (found := _LLAMA_ERROR.match(line))]
    return " | ".join(errors[:QUOTED_LINES] or written[-QUOTED_LINES:])
