"""The process that llama.cpp runs in: `python -m moongate.engine.child`, started by `server` and by nobody else.

One JSON line comes in on standard input (see `server.start`), one goes out on standard output: `base_url` and
`context_length`, or `error`. From then on it serves until standard input ends, whatever became of its parent.
Nothing of it is kept, so it ends at once and does not wait for answers under way.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import select
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

PARENT_CHECK_S = 0.5
ALARM_AFTER_S = 5  # after its time is up: a parent that lives gives up first, and says why
PROMPT_CACHE_MIB = 256  # llama.cpp's own default is 8 GiB


def main() -> None:
    """Serve one model until standard input ends."""
    answers = _own_stdout()
    config = json.loads(sys.stdin.buffer.readline())
    _end_with_the_parent(config["timeout_s"])
    try:
        server, base_url = _serve(config)
        context_length = _context_length(base_url, config["key"])
    except ImportError as error:
        _answer(answers, {"error": str(error), "kind": "missing"})
    except (RuntimeError, OSError, ValueError, LookupError) as error:
        _answer(answers, {"error": str(error), "kind": "start"})
    else:
        if config["quiet"]:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        _answer(answers, {"base_url": f"{base_url}/v1", "context_length": context_length})
        _until_the_end(config["parent"])
        del server  # held until here
    os._exit(0)  # llama.cpp's threads may be in the middle of a word; there is nothing to save


def _own_stdout() -> int:
    # Only the answer goes to the parent; whatever a library prints goes where the log goes.
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _answer(answers: int, value: dict[str, Any]) -> None:
    os.write(answers, json.dumps(value).encode() + b"\n")
    os.close(answers)


def _end_with_the_parent(timeout_s: float) -> None:
    """Let the kernel end this process when its parent is gone or loading takes too long.

    Loading a model holds the interpreter's lock, for minutes with a large one, so no thread of ours could notice.
    Linux sends SIGIO when the other end of the pipe closes, and its default is to end the process; where the default
    is to ignore it, the alarm remains.
    """
    signal.setitimer(signal.ITIMER_REAL, timeout_s + ALARM_AFTER_S)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:  # it closed before we asked to be told
        os._exit(0)


def _until_the_end(parent: int) -> None:
    """Return when standard input ends, or when the parent is another: a fork of it may still hold the pipe open."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) & ~os.O_ASYNC)
    while os.getppid() == parent:
        if select.select([0], [], [], PARENT_CHECK_S)[0] and not os.read(0, 4096):
            return


def _serve(config: dict[str, Any]) -> tuple[object, str]:
    """Return llama.cpp's server and its address once the model is loaded."""
    import xllamacpp  # type: ignore[import-untyped]  # a hundred megabytes of library: only here, never in the parent

    params = xllamacpp.CommonParams()
    params.model.path = config["path"]
    params.model_alias = {config["model_id"]}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [config["key"]]
    params.n_parallel, params.n_ctx = config["slots"], config["context_tokens"]
    params.cache_ram_mib = PROMPT_CACHE_MIB
    # Not for browsers, and nothing but the model: no pages, no cross-origin answers, no downloads, no state of slots.
    params.ui = params.cors_credentials = params.endpoint_slots = False
    params.cors_origins = ""
    params.offline = True
    server = xllamacpp.Server(params)
    return server, server.listening_address


def _context_length(base_url: str, key: str) -> int:
    """Ask the server how many tokens a slot really has: llama.cpp rounds, and knows the model's own limit."""
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        return int(json.loads(connection.getresponse().read())["data"][0]["meta"]["n_ctx"])
    finally:
        connection.close()


if __name__ == "__main__":
    main()
