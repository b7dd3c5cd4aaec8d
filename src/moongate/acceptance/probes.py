"""The probes: for each fact that rests on documents, or on contradicting observations, the requests that settle it.

Data only. Every request is as small as its question allows, and says how many completion tokens it may cost at most
if it is answered, also where a refusal is expected. Sending, money and evidence are `kit`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from moongate.acceptance import judges
from moongate.acceptance.documented import documented, undecided
from moongate.acceptance.files import files
from moongate.acceptance.limits import caching, limits, overheard
from moongate.acceptance.probe import (
    AS_IT_IS,
    CALL_TOKENS,
    CALM,
    CHAT,
    HI,
    PINNED,
    SWITCHED,
    Ask,
    Probe,
    Subject,
    chat,
    plain,
    refused,
    tool,
)
from moongate.acceptance.published import published
from moongate.acceptance.queued import queued
from moongate.wire.limits import UNTOLD_ANSWER
from moongate.wire.rules import families

ESTIMATE = "/tokenizers/estimate-token-count"
BALANCE = "/users/me/balance"
UNLISTED = "moongate-acceptance-no-such-model"  # sent on purpose, and only here
NO_ROUTE = "/moongate-acceptance-no-such-route"
MAX_TOKENS = 8  # what the probe of `max_tokens` asks for
IMAGE_TOKENS = 8_192  # for an image that should not be taken


def probes() -> tuple[Probe, ...]:
    """Return every probe, free ones first, the one that needs the largest reserve near the end."""
    return (
        *_doors(),
        *_refusals(),
        *documented(),
        *published(),
        *files(),
        *_pinned(),
        *_thinking(),
        *_answers(),
        *undecided(),
        *caching(),
        *limits(),
        *queued(),
        _max_tokens(),
        *overheard(),
    )


def _doors() -> Iterator[Probe]:
    """Keys, routes and shapes: no model answers."""
    yield Probe(
        id="no-key",
        fact="Without a key the answer is 401 incorrect_api_key_error",
        question="Which type has the 401 without a key?",
        rests_on="observed on both hosts (2026-09-01); invalid_authentication_error observed before (2026-07-27)",
        build=plain(Ask(method="GET", path="/models", key="none")),
        judge=judges.unauthorized("incorrect_api_key_error"),
    )
    yield Probe(
        id="wrong-key",
        fact="With a wrong key the answer is 401 invalid_authentication_error",
        question="Which type has the 401 with a made-up key?",
        rests_on="documentation (2026-08-13); the other type seen for wrong keys of the Chinese host",
        build=plain(Ask(method="GET", path="/models", key="made up")),
        judge=judges.unauthorized("invalid_authentication_error"),
    )
    yield Probe(
        id="unknown-route",
        fact="An unknown route is answered with 404 url.not_found before the key is looked at",
        question="What does a route that does not exist answer without a key?",
        rests_on="observed (2026-07-27) and test data of several projects",
        build=plain(Ask(method="POST", path=NO_ROUTE, key="none")),
        judge=judges.no_route,
    )
    yield Probe(
        id="models-id",
        fact="GET /models/{id} is no route",
        question="Is there a route for one model of the list?",
        rests_on="absent from every specification; never observed either way",
        build=lambda subject: (Ask(method="GET", path=f"/models/{subject.model}"),),
        judge=judges.no_route,
    )
    yield Probe(
        id="balance-shape",
        fact="The balance is three numbers: available = voucher + cash, or voucher alone when cash is owed",
        question="Which shape has the balance?",
        rests_on="specification (2026-08-17) and one observation (2026-09-19)",
        build=plain(Ask(method="GET", path=BALANCE)),
        judge=judges.balance_shape,
    )
    yield Probe(
        id="estimate-shape",
        fact='The token estimate is {"data": {"total_tokens": n}} with nothing around it',
        question="Is the estimate wrapped as the balance is?",
        rests_on="specification (2026-08-17); older documentation wraps it",
        build=lambda subject: (Ask(method="POST", path=ESTIMATE, fields={"model": subject.model, "messages": HI}),),
        judge=judges.bare_estimate,
    )
    yield Probe(
        id="unknown-model",
        fact="An id that is not listed gets 404 resource_not_found_error, 'Not found the model …'",
        question="What does an id that the list lacks get?",
        rests_on="many published captures, to 2026-09",
        build=chat({"model": UNLISTED, "max_completion_tokens": 1}),
        judge=judges.unknown_model,
        unlisted=True,
    )


ASK_TOOL = [{"role": "user", "content": "Weather in Paris? Use the tool."}]
FORCED = {"messages": ASK_TOOL, "tools": tool(), "tool_choice": "required"}
BOTH_TYPE_AND_ANY_OF = {"type": "string", "anyOf": [{"type": "string"}, {"type": "null"}]}
IMAGE = [{"type": "image_url", "image_url": {"url": "https://example.com/moongate.png"}}]


def _refusals() -> Iterator[Probe]:
    """What every model should refuse in a request."""
    yield refused(
        "empty-messages",
        "Empty messages are refused",
        {"messages": []},
        "messages",
        rests_on="a published refusal",
    )
    yield refused(
        "six-stops",
        "More than 5 stop sequences are refused",
        {"stop": [f"stop{number}" for number in range(6)]},
        "stop",
        rests_on="a published refusal; specification",
    )
    yield refused(
        "function-name-digit",
        "A function name that begins with a digit is refused",
        {"tools": tool("1weather")},
        "function name",
        rests_on="published refusals (kimi-cli#2531)",
    )
    yield refused(
        "any-of-beside-type",
        "A tool schema with anyOf beside type is refused as not Moonshot-flavoured",
        {"tools": tool(city=BOTH_TYPE_AND_ANY_OF)},
        "moonshot flavored json schema",
        rests_on="many published refusals; accepted according to one report (2026-09-21)",
    )
    yield Probe(
        id="http-image",
        fact="An image by http(s) address is refused",
        question="Is a public address of an image refused?",
        rests_on="documentation (2026-08-13) and published refusals",
        build=_http_image,
        judge=judges.refused("image"),
        families=PINNED,
    )
    yield refused(
        "logprobs",
        "logprobs: true is refused",
        {"logprobs": True},
        "logprobs",
        rests_on="observed on kimi-k3; the specification has it for every model",
        families=PINNED,
    )


def _http_image(subject: Subject) -> tuple[Ask, ...]:
    (ask,) = chat({"messages": [{"role": "user", "content": IMAGE}]})(subject)
    return (replace(ask, more_prompt=IMAGE_TOKENS),)


def _pinned() -> Iterator[Probe]:
    """Values that the current models pin."""
    thinking = {"thinking": AS_IT_IS}
    documented = "documentation (2026-08-13) and published refusals; catalogs call it adjustable"
    for name, field, value in (
        ("temperature-other", "temperature", 0.3),
        ("top-p-other", "top_p", 0.5),
        ("n-other", "n", 2),
        ("presence-penalty-other", "presence_penalty", 0.5),
        ("frequency-penalty-other", "frequency_penalty", 0.5),
    ):
        fact = f"{field} {value} is refused: it is pinned"
        yield refused(name, fact, {field: value, **thinking}, field, rests_on=documented, families=PINNED)
    yield Probe(
        id="pinned-accepted",
        fact="The pinned values themselves are accepted: temperature 1, top_p 0.95, n 1, penalties 0",
        question="May the pinned values be sent?",
        rests_on="published captures",
        build=chat(
            {"temperature": 1, "top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0, **thinking}
        ),
        judge=judges.accepted,
        families=PINNED,
    )


def _thinking() -> Iterator[Probe]:
    """What depends on thinking."""
    yield refused(
        "cool-temperature-1",
        "With thinking disabled, temperature 1 is refused",
        {"temperature": 1},
        "temperature",
        rests_on="documentation and published refusals (oh-my-ppt#45)",
        families=SWITCHED,
    )
    yield Probe(
        id="cool-temperature-0.6",
        fact="With thinking disabled, temperature 0.6 is accepted",
        question="May 0.6 be sent with thinking disabled?",
        rests_on="documentation (2026-08-13)",
        build=chat({"temperature": 0.6}),
        judge=judges.accepted,
        families=SWITCHED,
    )
    yield refused(
        "thinking-off-refused",
        "Thinking cannot be disabled",
        CALM,
        "thinking",
        rests_on="documentation and published refusals",
        families=("k2.7-code",),
    )
    yield Probe(
        id="thinking-off-accepted",
        fact="Thinking can be disabled",
        question="Is thinking: disabled accepted?",
        rests_on="observed (2026-07-30, 2026-09-01); documentation and list say that it always thinks",
        build=chat(CALM),
        judge=judges.accepted,
        families=("k3",),
    )
    yield refused(
        "tool-choice-thinking",
        "tool_choice required is refused while it thinks",
        {"messages": ASK_TOOL, "tools": tool(), "tool_choice": "required", "thinking": AS_IT_IS},
        "tool_choice",
        rests_on="observed refusals",
        families=("k2.7-code", *SWITCHED),
    )
    yield Probe(
        id="tool-choice-calm",
        fact="tool_choice required is accepted with thinking disabled",
        question="May a tool be forced with thinking disabled?",
        rests_on="observed; documentation says that it never is",
        build=chat(FORCED, tokens=CALL_TOKENS),
        judge=judges.accepted,
        families=SWITCHED,
    )
    yield Probe(
        id="tool-choice-k3",
        fact="tool_choice required is accepted",
        question="May a tool be forced?",
        rests_on="documentation; refused in one observation (2026-09-01)",
        build=chat(FORCED, tokens=CALL_TOKENS),
        judge=judges.accepted,
        families=("k3",),
    )


def _answers() -> Iterator[Probe]:
    """Shapes of what a model answers: these are paid."""
    yield Probe(
        id="answer-id",
        fact="An answer's id is chatcmpl- and 24 hexadecimal digits",
        question="Which style has the id of an answer?",
        rests_on="observed (2026-07-17); documentation shows cmpl-",
        build=chat({}),
        judge=judges.answer_id,
    )
    yield Probe(
        id="tool-call-id",
        fact="A tool call's id is the function's name, an underscore and a number",
        question="Which style has the id of a tool call?",
        rests_on="observed (2026-07-17); documentation shows a colon",
        build=chat(FORCED, tokens=CALL_TOKENS),
        judge=judges.call_id,
        families=("k3", *SWITCHED),
    )
    yield Probe(
        id="stream-usage",
        fact="A stream with include_usage carries usage twice: in the last choice and in a chunk of its own",
        question="Where does a stream carry its usage?",
        rests_on="observed (2026-07-17); the specification has only the chunk of its own",
        build=chat({"stream": True, "stream_options": {"include_usage": True}}),
        judge=judges.stream_usage,
    )
    yield Probe(
        id="cached-tokens",
        fact="Cached tokens are told twice: in usage and in its prompt_tokens_details",
        question="Where are the cached tokens of a repeated prompt told?",
        rests_on="observed (2026-07-17); the specification has only the first place",
        build=chat({"messages": [{"role": "user", "content": LONG}]}, times=2),
        judge=judges.cached_places,
    )


LONG = " ".join(f"Line {number}: the moon stands over the gate." for number in range(70)) + " Say hi."


def _max_tokens() -> Probe:
    return Probe(
        id="max-tokens",
        fact="max_tokens limits the answer as max_completion_tokens does",
        question="Is max_tokens honoured?",
        rests_on="observed (2026-07-17); said not to be honoured elsewhere",
        build=_only_max_tokens,
        judge=judges.length_kept(MAX_TOKENS),
    )


def _only_max_tokens(subject: Subject) -> tuple[Ask, ...]:
    """No other limit may stand beside it, so the worst case is the model's own default."""
    count = [{"role": "user", "content": "Count from one to thirty in words, each on a line of its own."}]
    fields = {"model": subject.model, "messages": count, "max_tokens": MAX_TOKENS}
    if subject.family in SWITCHED:
        fields |= CALM
    known = {family.name: family.answer for family in families()}
    worst = known.get(subject.family) or UNTOLD_ANSWER
    return (Ask(method="POST", path=CHAT, fields=fields, worst_tokens=worst),)
