"""The quick reading of ordinary lines: a `Shape` is what the lines of a file have in common.

Nearly every file is written by a program, so its lines differ in ids, texts and a few values only. For such lines one
typed decode says that fields, roles and texts are what they have to be; what is left to judge are the distinct
combinations of parameters, once each. A line that is not of its shape is no fault: it is read in full instead.

A decoder takes the last of two equal keys, another parser the first. So that no key is given twice, the colons of the
text are counted: each key has one, and those inside of texts are known once the texts are. A file that was made to
deceive could balance a repeated key with a colon written as an escape; looking for those would cost a third of the
decoding, and every line's model is read again, by itself, before it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from moongate.facts.batches import ENDPOINT, METHOD

_OUTER_KEYS, _BODY_KEYS, _MESSAGE_KEYS, _PART_KEYS = 4, 2, 2, 2
_RESERVED = {"model", "models", "messages"}  # in any letter case


_Some = Annotated[str, msgspec.Meta(min_length=1)]


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False, tag_field="type", tag="text"):
    text: _Some


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant", "tool"]
    content: _Some | Annotated[list[_Text], msgspec.Meta(min_length=1)]


class Read(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Lines that were read: their ids, the values of their parameters as they stand there, and all their text."""

    ids: list[str]
    columns: list[list[bytes | int]]  # in the order of the shape's names, an item a line: a number, or JSON
    text: str  # of all messages
    lines: list[Any]  # as they were decoded

    def values(self) -> Iterator[tuple[bytes | int, ...]]:
        """Yield the parameters of each line."""
        return zip(*self.columns, strict=True) if self.columns else repeat((), len(self.ids))

    def ask(self, word: str, line: int) -> bool:
        """Say whether a line has a word in its texts, in any letter case."""
        return any(word in text.lower() for text in self.texts(line))

    def texts(self, line: int) -> list[str]:
        """Return the texts of a line's messages."""
        return _spread(message.content for message in self.lines[line].body.messages)


class Shape:
    """Lines of one model whose bodies hold the same parameters, besides `model` and `messages`, in any order.

    Made after the body of one line; a parameter that is a whole number there is one in every line of the shape.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.model: str = body["model"]
        self.names = tuple(sorted(body.keys() - {"model", "messages"}))
        self.whole = tuple(type(body[name]) is int for name in self.names)
        self._columns = tuple(attrgetter(f"body.p{number}") for number in range(len(self.names)))
        self._decode = msgspec.json.Decoder(self._line_type()).decode

    @staticmethod
    def key(body: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what tells the shape of a body from others."""
        return body["model"], frozenset((name, type(value) is int) for name, value in body.items())

    @staticmethod
    def fits(body: Mapping[str, Any]) -> bool:
        """Say whether a line with this body can have a shape: ordinary messages, and no key taken for another."""
        messages, model = body.get("messages"), body.get("model")
        return (
            isinstance(model, str)
            and isinstance(messages, list)
            and all(isinstance(m, dict) and m.keys() == {"role", "content"} for m in messages)
            and all(_plain(name) for name in body if name not in ("model", "messages"))
        )

    def read(self, data: bytes, lines: Sequence[bytes]) -> Read | None:
        """Return what whole lines say, None when one of them is not of this shape. `data` is the lines in one."""
        try:
            read: list[Any] = list(map(self._decode, lines))
            if not data.isascii():
                data.decode()  # what is skipped by the decoder is not looked at by it
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        texts = [message.content for line in read for message in line.body.messages]
        messages, parts = len(texts), 0
        if list in map(type, texts):
            if any(_unlike_text(message) for line in read for message in line.body.messages):
                return None
            parts = sum(len(content) for content in texts if type(content) is list)
            texts = _spread(texts)
        ids, text = [line.custom_id for line in read], "".join(texts)
        columns = [list(map(column, read)) for column in self._columns]
        raw = [column for column, whole in zip(columns, self.whole, strict=True) if not whole]
        for column in raw:
            column[:] = map(bytes, column)
        inside = _colons(text.encode()) + _colons("".join(ids).encode()) + sum(_colons(b"".join(c)) for c in raw)
        if _colons(data) != self._keys(len(lines), messages, parts) + inside:
            return None
        return Read(ids=ids, columns=columns, text=text, lines=read)

    def _keys(self, lines: int, messages: int, parts: int) -> int:
        """Return how many colons lines have outside of texts and values, when no key is there twice."""
        per_line = _OUTER_KEYS + _BODY_KEYS + len(self.names) + self.model.count(":")
        return lines * per_line + messages * _MESSAGE_KEYS + parts * _PART_KEYS

    def _line_type(self) -> type[msgspec.Struct]:
        fields = {f"p{number}": name for number, name in enumerate(self.names)}
        kinds = zip(fields, self.whole, strict=True)
        body = msgspec.defstruct(
            "Body",
            [
                ("model", Literal[self.model]),
                ("messages", Annotated[list[_Message], msgspec.Meta(min_length=1)]),
                *((field, int if whole else msgspec.Raw) for field, whole in kinds),
            ],
            rename=fields,
            forbid_unknown_fields=True,
            gc=False,
        )
        return msgspec.defstruct(
            "Line",
            [
                ("custom_id", Annotated[str, msgspec.Meta(min_length=1)]),
                ("method", Literal[METHOD]),
                ("url", Literal[ENDPOINT]),
                ("body", body),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )


def _plain(name: str) -> bool:
    """Say whether a key holds nothing that JSON escapes, no colon, and is not read as another in any letter case."""
    return name.isprintable() and not {'"', "\\", ":"} & set(name) and name.casefold() not in _RESERVED


def _unlike_text(message: _Message) -> bool:
    """Say whether a message in parts is another thing than one with a text: an answer of a tool."""
    return message.role == "tool" and type(message.content) is list


def _spread(contents: Iterable[str | list[_Text]]) -> list[str]:
    """Return the texts of contents that are one each, or hold some in parts."""
    found: list[str] = []
    for content in contents:
        found += [content] if isinstance(content, str) else [part.text for part in content]
    return found


def _colons(text: bytes) -> int:
    """Count colons; three times as quick as `count`, which in Python 3.11 goes byte by byte."""
    return len(text) - len(text.replace(b":", b""))
