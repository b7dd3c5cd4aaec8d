"""What `moongate chat` is handed besides a prompt: piped text, media, documents, a schema, a file of functions."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moongate.errors import UsageError

if TYPE_CHECKING:
    from moongate.client.sync import Client

MAX_STDIN_BYTES = 64 * 1024 * 1024


def with_stdin(prompt: str | None) -> str | None:
    """Return the prompt with what was piped in, or None when a conversation is wanted."""
    if sys.stdin is None:  # closed: there is nobody to talk to
        if prompt is None:
            raise UsageError("There is no prompt.", advice="Give one as argument, or pipe one in.")
        return prompt
    if sys.stdin.isatty():
        return prompt
    piped = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    if len(piped) > MAX_STDIN_BYTES:
        raise UsageError(f"More than {MAX_STDIN_BYTES // 2**20} MiB were piped in.", advice="Send less.")
    try:
        text = piped.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UsageError("What was piped in is not UTF-8 text.", advice="Convert it first.") from error
    whole = "\n\n".join(part for part in (prompt, text) if part)
    if not whole:
        raise UsageError("There is no prompt.", advice="Give one as argument, or pipe one in.")
    return whole


def content(client: Client, prompt: str, images: Sequence[str]) -> str | list[Any]:
    """Return the prompt, with its images as parts before it where there are some."""
    if not images:
        return prompt
    return [*(client.image(image) for image in images), {"type": "text", "text": prompt}]


def schema(path: str) -> dict[str, Any]:
    """Return the JSON schema in a file."""
    import msgspec

    try:
        found = msgspec.json.decode(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"{path!r} cannot be read: {error.strerror or error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path!r} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path!r} holds no JSON schema: a schema is an object.")
    return found


def functions(path: str) -> list[Callable[..., Any]]:
    """Return the public functions that a Python file defines. The file is run: it is the user's own.

    Raises UsageError for a file that cannot be run or defines none.
    """
    spec = importlib.util.spec_from_file_location("moongate_tools", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise UsageError(f"{path!r} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path!r} cannot be run: {type(error).__name__}: {error}.") from error
    found: list[Callable[..., Any]] = [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    ]
    if not found:
        raise UsageError(f"{path!r} defines no public function.", advice="Define functions with type hints in it.")
    return found
