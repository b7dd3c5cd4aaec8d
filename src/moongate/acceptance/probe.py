"""What a probe is, and how its requests are put together. Which probes there are is `probes` and `documented`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from moongate.acceptance import judges
from moongate.acceptance.judges import Judge

CHAT = "/chat/completions"
TOKENS = 16  # of an answer that only has to come
CALL_TOKENS = 64  # of an answer with a tool call in it

Key = Literal["own", "none", "made up"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The model under test, and the family whose rules it follows ("unknown" when no row has it)."""

    model: str
    family: str


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. `worst_tokens` bounds its completion, `more_prompt` what its prompt holds beyond its bytes."""

    method: str
    path: str
    fields: Mapping[str, Any] | None = None
    key: Key = "own"
    worst_tokens: int = 0
    more_prompt: int = 0


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One fact and how to settle it.

    `families` are those that the fact is about, None for every model. `unlisted` marks the one kind of probe that
    names an id which the endpoint does not list.
    """

    id: str
    fact: str
    question: str
    rests_on: str
    build: Callable[[Subject], tuple[Ask, ...]]
    judge: Judge
    families: tuple[str, ...] | None = None
    unlisted: bool = False


SWITCHED = ("k2.6", "k2.5")  # thinking can be turned off, temperature is pinned either way
PINNED = ("k3", "k2.7-code", *SWITCHED)
CALM = {"thinking": {"type": "disabled"}}
AS_IT_IS = None  # as the value of `thinking`: not sent, so that the model thinks
HI = [{"role": "user", "content": "Say hi."}]


def chat(more: Mapping[str, Any], *, times: int = 1, tokens: int = TOKENS) -> Callable[[Subject], tuple[Ask, ...]]:
    """Return what builds a chat; `more` may replace the messages. Thinking is off unless `more` says something."""

    def build(subject: Subject) -> tuple[Ask, ...]:
        calm = CALM if subject.family in SWITCHED else {}
        asked = {"model": subject.model, "messages": HI, "max_completion_tokens": tokens, **calm, **more}
        fields = {name: value for name, value in asked.items() if value is not AS_IT_IS}
        choices = fields.get("n", 1)
        return (Ask(method="POST", path=CHAT, fields=fields, worst_tokens=tokens * choices),) * times

    return build


def plain(ask: Ask) -> Callable[[Subject], tuple[Ask, ...]]:
    """Return what builds one request, whatever the model."""
    return lambda subject: (ask,)


def refused(
    id_: str,
    fact: str,
    more: Mapping[str, Any],
    *words: str,
    rests_on: str,
    families: tuple[str, ...] | None = None,
) -> Probe:
    """Return a probe whose fact is a refusal: it costs nothing unless it is refuted."""
    tokens = CALL_TOKENS if "tool_choice" in more else TOKENS
    return Probe(
        id=id_,
        fact=fact,
        question="Is this refused?",
        rests_on=rests_on,
        build=chat(more, tokens=tokens),
        judge=judges.refused(*words),
        families=families,
    )


def tool(name: str = "get_weather", city: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return a list of one tool."""
    properties = {"city": city or {"type": "string"}}
    parameters = {"type": "object", "properties": properties, "required": ["city"]}
    return [{"type": "function", "function": {"name": name, "description": "The weather.", "parameters": parameters}}]
