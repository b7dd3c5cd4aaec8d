"""A conversation in which the model may call functions, as a generator without IO.

It yields `Ask` (send these messages) and `Use` (call these functions), is sent back an `Answer` or the results, and
returns a `Run`. The clients obey it, one blocking, one for asyncio.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moongate.client.tools import Tool, assistant_turn, last_turn, result_turn
from moongate.errors import UsageError
from moongate.facts.chat import Answer, Message, ToolCall
from moongate.facts.providers import Provider
from moongate.wire.rules import keeps_reasoning


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Send the conversation so far."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class Use:
    """Call functions, in any order or at once; the results are sent back in the order given here."""

    calls: tuple[tuple[ToolCall, Tool, Mapping[str, Any]], ...]


@dataclass(frozen=True, kw_only=True)
class Run:
    """How it went: the last answer, the whole conversation, every answer on the way."""

    answer: Answer
    messages: tuple[Message, ...]
    answers: tuple[Answer, ...]

    @property
    def content(self) -> str:
        """The last answer's text."""
        return self.answer.content


Conversation = Generator[Ask | Use, Any, Run]


def with_reasoning_kept(parameters: Mapping[str, Any], model_id: str, row: Provider) -> dict[str, Any]:
    """Return the parameters of a conversation with `keep: "all"`, where the model takes it and thinks.

    By default the server drops the reasoning of earlier turns, and with it why a function was called. What the
    caller says of `thinking`, here or in `extra_body`, stays: switched off, or `keep` as it was given.
    """
    asked = parameters.get("thinking")
    said = isinstance(asked, Mapping) and (asked.get("type") != "enabled" or "keep" in asked)
    elsewhere = "thinking" in (parameters.get("extra_body") or {})
    if said or elsewhere or not keeps_reasoning(model_id, row) or not isinstance(asked, Mapping | None):
        return dict(parameters)
    return {**parameters, "thinking": {"type": "enabled", "keep": "all"}}


def conversation(
    messages: Sequence[Message], tools: Mapping[str, Tool], row: Provider, *, max_turns: int
) -> Conversation:
    """Yield what to do next until an answer calls no function.

    Wrong arguments and unknown functions are told to the model, which may try again; what a function raises is the
    caller's. Raises UsageError when `max_turns` answers in a row called functions.
    """
    said: list[Message] = list(messages)
    answers: list[Answer] = []
    for _ in range(max_turns):
        answer: Answer = yield Ask(messages=tuple(said))
        answers.append(answer)
        if not answer.tool_calls:
            said.append(last_turn(answer, row))
            return Run(answer=answer, messages=tuple(said), answers=tuple(answers))
        said.append(assistant_turn(answer, row))
        said += yield from _results(answer, tools)
    raise UsageError(
        f"The model still called functions after {max_turns} answers.",
        advice="Raise max_turns, or change the prompt.",
    )


def _results(answer: Answer, tools: Mapping[str, Tool]) -> Generator[Use, Any, list[Message]]:
    """Return one message per call, in the order of the calls."""
    told: dict[int, Any] = {}
    usable: list[tuple[int, ToolCall, Tool, Mapping[str, Any]]] = []
    for number, call in enumerate(answer.tool_calls):
        tool = tools.get(call.name)
        if tool is None:
            told[number] = f"error: there is no function {call.name!r}; there are {', '.join(tools)}"
            continue
        try:
            usable.append((number, call, tool, tool.read(call.arguments)))
        except ValueError as error:
            told[number] = f"error: {error}"
    results = yield Use(calls=tuple((call, tool, arguments) for _, call, tool, arguments in usable))
    told |= {number: result for (number, *_), result in zip(usable, results, strict=True)}
    return [result_turn(call, told[number]) for number, call in enumerate(answer.tool_calls)]
