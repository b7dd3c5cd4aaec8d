"""Probes of what only documents say, and of what nobody is known to have tried; the records are `probe`'s."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moongate.acceptance import judges
from moongate.acceptance.probe import AS_IT_IS, HI, PINNED, SWITCHED, TOKENS, Probe, chat, refused, tool

SPEC, DOCS = "specification (2026-08-17)", "documentation (2026-08-13)"
KEEPING = ("k2.6", "k2.7-code")  # families that take thinking.keep
MANY = 129  # tools; old documentation says that 128 are the most
LONGEST_NAME = 128  # characters; 64, 256 and 128 in successive revisions of the specification
FEW = 8  # tokens, which thinking uses up
OBJECT = {"type": "object", "properties": {}}
JSON_OBJECT = {"response_format": {"type": "json_object"}}
WEB_SEARCH = {"type": "builtin_function", "function": {"name": "$web_search"}}


def documented() -> Iterator[Probe]:
    """Refusals that rest on documents alone. They cost nothing unless they are refuted."""
    for name, fact, more, words, source, families in _REFUSALS:
        yield refused(name, fact, more, *words, rests_on=source, families=families)


def _unnamed_schema() -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": OBJECT}}}


def said(*messages: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field that holds these messages."""
    return {"messages": list(messages)}


_PARTIAL = {"role": "assistant", "content": "{", "partial": True}
_AUDIO = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
_REFUSALS: tuple[tuple[str, str, Mapping[str, Any], tuple[str, ...], str, tuple[str, ...] | None], ...] = (
    ("stop-number", "A stop that is neither a text nor a list is refused", {"stop": 5}, ("stop",), SPEC, None),
    ("stop-bytes", "A stop text of more than 32 bytes is refused", {"stop": "x" * 33}, ("stop",), SPEC, None),
    (
        "thinking-type-other",
        "A thinking.type besides enabled and disabled is refused",
        {"thinking": {"type": "auto"}},
        ("thinking", "type"),
        SPEC,
        ("k2.7-code", *SWITCHED),
    ),
    (
        "thinking-keep-unasked",
        "thinking.keep is refused",
        {"thinking": {"type": "enabled", "keep": "all"}},
        ("thinking", "keep"),
        SPEC,
        ("k2.5",),
    ),
    (
        "thinking-keep-other",
        "thinking.keep takes nothing but all and null",
        {"thinking": {"type": "enabled", "keep": "some"}},
        ("thinking", "keep"),
        SPEC,
        KEEPING,
    ),
    (
        "response-format-other",
        "A response_format of another type is refused",
        {"response_format": {"type": "xml"}},
        ("response_format",),
        SPEC,
        None,
    ),
    (
        "schema-without-name",
        "A response_format json_schema without a name is refused",
        _unnamed_schema(),
        ("json_schema", "name"),
        SPEC,
        None,
    ),
    (
        "role-developer",
        "The role developer is refused",
        said({"role": "developer", "content": "Be terse."}, *HI),
        ("role", "developer"),
        SPEC,
        None,
    ),
    (
        "role-other",
        "Another role is refused",
        said({"role": "moderator", "content": "Be terse."}, *HI),
        ("role",),
        SPEC,
        None,
    ),
    ("part-audio", "Parts of other types are refused", said(_AUDIO), ("type", "content", "input_audio"), SPEC, None),
    (
        "function-name-twice",
        "Two functions of one name are refused",
        {"tools": tool() * 2},
        ("duplicated",),
        DOCS,
        None,
    ),
    (
        "partial-json",
        "A partial message is refused together with response_format json_object",
        {**said({"role": "user", "content": "Answer in JSON."}, _PARTIAL), **JSON_OBJECT},
        ("partial",),
        DOCS,
        None,
    ),
    (
        "partial-not-last",
        "A partial message that is not the last one is refused",
        said(_PARTIAL, *HI),
        ("partial",),
        DOCS,
        None,
    ),
    (
        "web-search-thinking",
        "$web_search is refused while it thinks",
        {"tools": [WEB_SEARCH], "thinking": AS_IT_IS},
        ("web_search", "builtin_function", "thinking"),
        DOCS,
        ("k2.7-code", *SWITCHED),
    ),
)


def undecided() -> Iterator[Probe]:
    """What is believed to be accepted, although a source says otherwise or none says anything: these are paid."""
    for name, fact, more, source, families in _ACCEPTED:
        yield Probe(
            id=name,
            fact=fact,
            question="Is this accepted?",
            rests_on=source,
            build=chat(more),
            judge=judges.accepted,
            families=families,
        )
    yield Probe(
        id="short-answer",
        fact="A limit that thinking uses up leaves an empty answer, status 200 and finish_reason length",
        question="What comes when max_completion_tokens is too small to think?",
        rests_on="observed on kimi-k3 (2026-07-17)",
        build=chat({"thinking": AS_IT_IS}, tokens=FEW),
        judge=judges.spent_on_thinking,
        families=PINNED,
    )


_UNTOLD = "absent from the specification; what the server does is not known"
_LENGTHS = "the specification calls max_tokens deprecated; together they were not seen"
_ACCEPTED: tuple[tuple[str, str, Mapping[str, Any], str, tuple[str, ...] | None], ...] = (
    (
        "thinking-keep-all",
        "thinking.keep: all is accepted",
        {"thinking": {"type": "enabled", "keep": "all"}},
        SPEC,
        KEEPING,
    ),
    (
        "thinking-on-k3",
        "thinking: enabled is accepted",
        {"thinking": {"type": "enabled"}},
        "observed (2026-09-01); absent from the specification",
        ("k3",),
    ),
    (
        "effort-medium",
        "reasoning_effort: medium is accepted, although no list names it",
        {"reasoning_effort": "medium", "thinking": AS_IT_IS},
        "observed (2026-09-01); the list of kimi-k3 names low, high and max, other models have none",
        PINNED,
    ),
    ("two-lengths", "max_tokens beside max_completion_tokens is accepted", {"max_tokens": TOKENS}, _LENGTHS, None),
    (
        "json-object-unasked",
        "response_format json_object is accepted although the messages do not ask for JSON",
        JSON_OBJECT,
        "the specification asks for it; what happens otherwise is not known",
        None,
    ),
    (
        "function-name-long",
        f"A function name of {LONGEST_NAME} characters is accepted",
        {"tools": tool("w" * LONGEST_NAME)},
        "successive revisions of the specification",
        None,
    ),
    (
        "many-tools",
        f"{MANY} tools are accepted",
        {"tools": [{"type": "function", "function": {"name": f"f{number}"}} for number in range(MANY)]},
        "the specification has no limit; older documentation says 128",
        None,
    ),
    (
        "undocumented-fields",
        "seed, user and parallel_tool_calls are accepted and do nothing",
        {"seed": 1, "user": "nobody", "parallel_tool_calls": True},
        _UNTOLD,
        None,
    ),
    ("functions", "functions is accepted and does nothing", {"functions": [{"name": "f"}]}, _UNTOLD, None),
)
