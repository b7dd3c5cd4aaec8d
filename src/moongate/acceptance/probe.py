"""What a probe is, and how its requests are put together. Which probes there are is `probes` and `documented`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from moongate.acceptance import judges
from moongate.acceptance.judges import Judge, Seen

CHAT = "/chat/completions"
TOKENS = 16  # of an answer that only has to come
CALL_TOKENS = 64  # of an answer with a tool call in it

Key = Literal["own", "none", "made up"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The model under test, and the family whose rules it follows ("unknown" when no row has it)."""

    model: str
    family: str


_EARLIER = re.compile(r"\{(\d+)\.(\w+)\}")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, kw_only=True)
class File:
    """What a probe uploads."""

    name: str
    purpose: str
    content: bytes

    @property
    def bodies(self) -> Iterator[bytes]:
        """The request bodies in a batch file: they name a model, as a chat does."""
        for line in self.content.splitlines() if self.purpose == "batch" else ():
            yield bytes(msgspec.json.decode(line, type=dict[str, msgspec.Raw])["body"])


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. `worst_tokens` bounds its completion, `more_prompt` what its prompt holds beyond its bytes.

    In path and fields `{0.id}` stands for what the reply to the first request calls its `id`.
    """

    method: str
    path: str
    fields: Mapping[str, Any] | None = None
    file: File | None = None  # uploaded instead of fields
    key: Key = "own"
    worst_tokens: int = 0
    more_prompt: int = 0
    after_s: float = 0.0  # how long to wait before it leaves
    until: Callable[[Seen], bool] | None = None  # asked again for as long as the kit is patient
    is_cleanup: bool = False  # sent at the end whatever came, and not judged

    @property
    def is_priced(self) -> bool:
        """Whether it may be charged: it names a model, or makes a batch that does."""
        return self.key == "own" and ("model" in (self.fields or {}) or bool(self.worst_tokens))

    def filled(self, replies: Sequence[Seen]) -> Ask | None:
        """Return it with what earlier replies said in its places, None where they did not say it."""
        text = msgspec.json.encode([self.path, self.fields]).decode()
        told = {place[0]: _told(replies, place) for place in _EARLIER.finditer(text)}
        if None in told.values():
            return None
        for place, value in told.items():
            text = text.replace(place, str(value))
        path, fields = msgspec.json.decode(text)
        return replace(self, path=path, fields=fields)


def _told(replies: Sequence[Seen], place: re.Match[str]) -> str | None:
    """Return what a reply said, if it is an id and nothing else: it goes into a path."""
    number = int(place[1])
    payload = replies[number].payload if number < len(replies) else None
    found = payload.get(place[2]) if isinstance(payload, dict) else None
    return found if isinstance(found, str) and _PLAIN_ID.fullmatch(found) else None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One fact and how to settle it.

    `families` are those that the fact is about, None for every model. `unlisted` marks the one kind of probe that
    names an id which the endpoint does not list. `takes_s` is how patient the kit has to be. A probe that `overhears`
    asks nothing: it is judged by the 429s that the others met.
    """

    id: str
    fact: str
    question: str
    rests_on: str
    build: Callable[[Subject], tuple[Ask, ...]]
    judge: Judge
    families: tuple[str, ...] | None = None
    unlisted: bool = False
    takes_s: float = 0.0
    overhears: bool = False


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
