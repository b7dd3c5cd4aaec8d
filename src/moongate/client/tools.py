"""Python functions as tools: their schemas from type hints, their arguments checked, their results sent back.

Pure but for calling the functions. The loop that talks to the model is `client.run`; the call ids are opaque here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from moongate.client.arguments import Arguments, Function, arguments_of
from moongate.errors import UsageError
from moongate.facts.chat import Answer, Message, ToolCall
from moongate.facts.providers import Provider
from moongate.wire.schema import mend


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]  # JSON schema, as it is sent
    function: Function
    arguments: Arguments  # how what the model writes is read

    @property
    def definition(self) -> dict[str, Any]:
        """The tool as a request carries it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}

    def read(self, text: str) -> dict[str, Any]:
        """Return the arguments in the model's JSON. Raises ValueError, in words for the model, for wrong ones."""
        try:
            return self.arguments.read(text or "{}")
        except ValueError as error:  # msgspec's and pydantic's errors are such, and so is broken Unicode
            raise ValueError(f"the arguments of {self.name} are not right: {error}") from error


def tools_from(functions: Sequence[Function]) -> dict[str, Tool]:
    """Return the tools by name. Raises UsageError for a function without type hints or a name given twice."""
    tools: dict[str, Tool] = {}
    for function in functions:
        tool = tool_from(function)
        if tool.name in tools:
            raise UsageError(f"Two tools are named {tool.name!r}.", advice="Give one of them another name.")
        tools[tool.name] = tool
    return tools


def tool_from(function: Function) -> Tool:
    """Return a function as a tool: name, docstring, and a schema of its parameters in the form that Moonshot takes.

    The schema may be looser than the type hints; what the model answers is read against the hints themselves.

    Parameters need type hints that msgspec knows (plain types, containers, Literal, enums, dataclasses, Structs) or
    that pydantic knows, where it is installed. Raises UsageError naming the parameter that has none.
    """
    name = getattr(function, "__name__", type(function).__name__)
    arguments = arguments_of(function, name)
    return Tool(
        name=name,
        description=inspect.getdoc(function) or "",
        parameters=mend(arguments.schema, root="object").schema,
        function=function,
        arguments=arguments,
    )


def assistant_turn(answer: Answer, row: Provider) -> Message:
    """Return an answer as the message that has to be sent back with the results of its calls.

    Moonshot refuses a tool turn without its `reasoning_content` while thinking is on; an empty text will do.
    """
    turn = {**last_turn(answer, row), "tool_calls": _wire_calls(answer)}
    return {"reasoning_content": "", **turn} if row.dialect == "moonshot" else turn


def last_turn(answer: Answer, row: Provider) -> dict[str, Any]:
    """Return an answer as a message that a conversation can go on from, with its reasoning where that is wanted.

    Moonshot wants `reasoning_content`, OpenRouter its own `reasoning` and `reasoning_details`; other endpoints are
    not handed fields that they do not know.
    """
    turn: dict[str, Any] = {"role": "assistant", "content": answer.content}
    if row.dialect == "moonshot" and answer.reasoning:
        turn["reasoning_content"] = answer.reasoning
    elif row.dialect == "openrouter":
        choices = answer.raw.get("choices") or [{}]
        message = choices[0].get("message") or {}
        turn |= {key: message[key] for key in ("reasoning", "reasoning_details") if message.get(key)}
    return turn


def _wire_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in answer.tool_calls
    ]


def result_turn(call: ToolCall, result: Any) -> Message:
    """Return what a function returned as the message that answers the call: text as it is, the rest as JSON.

    Raises UsageError, naming the function, for what JSON cannot hold.
    """
    try:
        content = result if isinstance(result, str) else msgspec.json.encode(result, enc_hook=_dumped).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"The tool {call.name!r} returned something that cannot be written as JSON: {error}.",
            advice="Return a text, a number, a list, a dict, a dataclass, a Struct or a pydantic model.",
        ) from error
    return {"role": "tool", "tool_call_id": call.id, "content": content or "null"}


def _dumped(value: Any) -> Any:
    """Return a pydantic model as plain values; msgspec knows all else that it can write."""
    if hasattr(type(value), "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"an object of the type {type(value).__name__!r}")
