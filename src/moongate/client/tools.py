"""Python functions as tools: their schemas from type hints, their arguments checked, their results sent back.

Pure but for calling the functions. The loop that talks to the model is `client.run`; the call ids are opaque here.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from moongate.errors import UsageError
from moongate.facts.chat import Answer, Message, ToolCall
from moongate.facts.providers import Provider
from moongate.wire.schema import mend

Function = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]  # JSON schema
    function: Function
    arguments: type[msgspec.Struct]  # what the model's JSON is read into

    @property
    def definition(self) -> dict[str, Any]:
        """The tool as a request carries it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}

    def read(self, text: str) -> dict[str, Any]:
        """Return the arguments in the model's JSON. Raises ValueError, in words for the model, for wrong ones."""
        try:
            given = msgspec.json.decode(text or "{}", type=self.arguments)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"the arguments of {self.name} are not right: {error}") from error
        return {name: getattr(given, name) for name in self.arguments.__struct_fields__}


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

    Parameters need type hints that msgspec knows (plain types, containers, Literal, enums, dataclasses, Structs).
    Raises UsageError naming the parameter that has none.
    """
    name = getattr(function, "__name__", type(function).__name__)
    arguments = msgspec.defstruct(
        f"{name}_arguments", _fields(function, name), kw_only=True, forbid_unknown_fields=True
    )
    try:
        (schema,), components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    except TypeError as error:
        raise UsageError(f"The tool {name!r} has a parameter without a JSON schema: {error}.") from error
    return Tool(
        name=name,
        description=inspect.getdoc(function) or "",
        parameters=mend(_standing_alone(schema, components), root="object").schema,
        function=function,
        arguments=arguments,
    )


def _fields(function: Function, name: str) -> list[Any]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise UsageError(f"The type hints of the tool {name!r} cannot be read: {error}.") from error
    fields: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise UsageError(f"The tool {name!r} takes {parameter}, which no model can fill in by name.")
        if parameter.name not in hints:
            raise UsageError(f"The parameter {parameter.name!r} of the tool {name!r} has no type hint.")
        default = () if parameter.default is parameter.empty else (_default(parameter.default),)
        fields.append((parameter.name, hints[parameter.name], *default))
    return fields


def _default(value: Any) -> Any:
    mutable = isinstance(value, list | dict | set | bytearray)
    return msgspec.field(default_factory=lambda: type(value)(value)) if mutable else value


def _standing_alone(schema: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments' object itself at the root, what it refers to under `$defs`, as Moonshot wants it."""
    name = str(schema["$ref"]).rsplit("/", 1)[-1]
    root = {key: value for key, value in components[name].items() if key != "title"}
    others = {key: value for key, value in components.items() if key != name}
    return root | ({"$defs": others} if others else {})


def assistant_turn(answer: Answer, row: Provider) -> Message:
    """Return an answer as the message that has to be sent back with the results of its calls.

    Moonshot refuses a tool turn without its `reasoning_content` while thinking is on (an empty text will do); other
    endpoints are not handed a field that they do not know. OpenRouter wants its own `reasoning_details` back.
    """
    choices = answer.raw.get("choices") or [{}]
    message = choices[0].get("message") or {}
    turn: dict[str, Any] = {"role": "assistant", "content": answer.content, "tool_calls": _wire_calls(answer)}
    if row.dialect == "moonshot":
        turn["reasoning_content"] = answer.reasoning or ""
    elif row.dialect == "openrouter":
        turn |= {key: message[key] for key in ("reasoning", "reasoning_details") if message.get(key)}
    return turn


def _wire_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in answer.tool_calls
    ]


def result_turn(call: ToolCall, result: Any) -> Message:
    """Return what a function returned as the message that answers the call: text as it is, the rest as JSON."""
    content = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    return {"role": "tool", "tool_call_id": call.id, "content": content or "null"}
