"""What the fake's models say: an echo, a script, or a function of the request.

Only the words: `chat` puts them into Moonshot's shapes and counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from moongate.testing.loose import items, mapping

Finish = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A call that the model wants made. `arguments` is a JSON text, or a value that becomes one."""

    name: str
    arguments: Any = field(default_factory=dict)
    id: str | None = None  # made up in the provider's style when None

    @property
    def text(self) -> str:
        """The arguments as the JSON text that goes over the wire."""
        return self.arguments if isinstance(self.arguments, str) else msgspec.json.encode(self.arguments).decode()


@dataclass(frozen=True)
class Answer:
    """One answer of the model. What is None is decided as Moonshot would for the request."""

    content: str = ""
    reasoning: str | None = None  # None: a short one while thinking is on
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: Finish | None = None
    delay_s: float = 0.0  # before the first byte
    pause_s: float = 0.0  # before each piece of a stream
    piece: int = 8  # characters in a streamed delta


Request = Mapping[str, Any]
Speaker = Callable[[Request], "str | Answer"]
Script = Sequence["str | Answer"]


class Replies:
    """Chooses the next answer. Set `server.replies` to "echo", to a list, or to a function of the request's JSON."""

    def __init__(self, source: Literal["echo"] | Script | Speaker) -> None:
        self._speaker = source if callable(source) else None
        self._script = [] if callable(source) or isinstance(source, str) else list(source)

    def next(self, request: Request) -> Answer:
        """Return the answer to this request; a script that is used up echoes."""
        said: str | Answer
        if self._speaker is not None:
            said = self._speaker(request)
        elif self._script:
            said = self._script.pop(0)
        else:
            said = echo(request)
        return Answer(said) if isinstance(said, str) else said


def echo(request: Request) -> Answer:
    """Say the last user text back; a forced tool is called with {}, a JSON format gets {"echo": text}."""
    choice = request.get("tool_choice")
    names = [name_of(tool) for tool in items(request.get("tools"))]
    if isinstance(choice, Mapping) or (choice == "required" and names):
        name = name_of(choice) if isinstance(choice, Mapping) else names[0]
        return Answer(tool_calls=(ToolCall(name=name),))
    text = last_text(request)
    kind = mapping(request.get("response_format")).get("type", "text")
    return Answer(text if kind == "text" else msgspec.json.encode({"echo": text}).decode())


def name_of(tool: object) -> str:
    """Return the name of the function that a tool or a choice names, "" when there is none."""
    return str(mapping(mapping(tool).get("function")).get("name", ""))


def last_text(request: Request) -> str:
    """Return the text of the last user message, "" when there is none."""
    messages = [m for m in items(request.get("messages")) if mapping(m).get("role") == "user"]
    return text_of(messages[-1].get("content")) if messages else ""


def text_of(content: object) -> str:
    """Return the text of a message's content, whether a string or parts."""
    if isinstance(content, str):
        return content
    return "".join(str(mapping(part).get("text", "")) for part in items(content))
