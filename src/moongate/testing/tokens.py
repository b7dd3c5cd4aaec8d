"""How the fake counts tokens, and which of them it finds in its prefix cache.

The count is an estimate of our own, chosen to be easy to foretell: a quarter of the UTF-8 bytes, rounded up. It is
not Moonshot's tokenizer. A media part counts 1,024 tokens whatever it holds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from moongate.testing.readings import Readings

BYTES_PER_TOKEN = 4
UNIT_TOKENS = 256  # documented: a cached prefix is matched in units of 256 tokens


def count(text: str | bytes) -> int:
    """Count the tokens of a text: a quarter of its UTF-8 bytes, rounded up."""
    size = len(text.encode() if isinstance(text, str) else text)
    return -(-size // BYTES_PER_TOKEN)


def prompt_bytes(messages: Sequence[Any], tools: Sequence[Any] = ()) -> bytes:
    """Lay the prompt out as the bytes that are counted: tools first, then every message as "role\\ntext\\n"."""
    head = [msgspec.json.encode(tool) for tool in tools]
    return b"".join([*head, *(piece for message in messages for piece in _pieces(message))])


def prompt_tokens(messages: Sequence[Any], tools: Sequence[Any] = ()) -> int:
    """Count the tokens of a prompt."""
    return count(prompt_bytes(messages, tools))


def _pieces(message: Any) -> Iterator[bytes]:
    if not isinstance(message, Mapping):
        return
    yield f"{message.get('role')}\n".encode()
    for key in ("reasoning_content", "tool_calls", "tools"):
        if message.get(key):
            value = message[key]
            yield value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        yield _part(part)
    yield b"\n"


def _part(part: Any) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if not isinstance(part, Mapping):
        return b""
    if part.get("type") == "text":
        return str(part.get("text", "")).encode()
    return hashlib.sha256(msgspec.json.encode(part)).digest() * (1024 * BYTES_PER_TOKEN // 32)


class PrefixCache:
    """Which prompts an account has sent before, and when, so that repeating them soon is cheaper."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, bytes], float] = {}

    def cached(self, account: str, model: str, prompt: bytes, readings: Readings, now: float) -> int:
        """Return how many tokens of this prompt are there already, and remember it; `now` is in seconds."""
        if readings.cache == "off" or count(prompt) <= UNIT_TOKENS:
            return 0
        since = now - readings.cache_life_s
        if readings.cache == "whole":
            return count(prompt) if self._known((account, model, prompt), since, now) else 0
        unit, hits, prefix = UNIT_TOKENS * BYTES_PER_TOKEN, 0, hashlib.sha256()
        for number in range(len(prompt) // unit):
            prefix.update(prompt[number * unit : (number + 1) * unit])
            if self._known((account, model, prefix.digest()), since, now) and hits == number:
                hits += 1
        return hits * UNIT_TOKENS

    def _known(self, key: tuple[str, str, bytes], since: float, now: float) -> bool:
        account, model, mark = key
        entry = (account, model, hashlib.sha256(mark).digest())
        known = self._seen.get(entry, -math.inf) >= since
        self._seen[entry] = now
        return known
