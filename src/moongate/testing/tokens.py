"""How the fake counts tokens, and which of them it finds in its prefix cache.

The count is an estimate of our own, chosen to be easy to foretell: a quarter of the UTF-8 bytes, rounded up. It is
not Moonshot's tokenizer. A media part counts 1,024 tokens whatever it holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

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
    """Which prompts an account has sent before, so that repeating them is cheaper."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, bytes]] = set()

    def cached(self, account: str, model: str, prompt: bytes, mode: Literal["units", "whole", "off"]) -> int:
        """Return how many tokens of this prompt were there already, and remember it."""
        if mode == "off" or count(prompt) <= UNIT_TOKENS:
            return 0
        if mode == "whole":
            known = self._known(account, model, prompt)
            return count(prompt) if known else 0
        unit, hits, prefix = UNIT_TOKENS * BYTES_PER_TOKEN, 0, hashlib.sha256()
        for number in range(len(prompt) // unit):
            prefix.update(prompt[number * unit : (number + 1) * unit])
            if self._known(account, model, prefix.digest()) and hits == number:
                hits += 1
        return hits * UNIT_TOKENS

    def _known(self, account: str, model: str, mark: bytes) -> bool:
        entry = (account, model, hashlib.sha256(mark).digest())
        known = entry in self._seen
        self._seen.add(entry)
        return known
