"""What replies say about a fact: small pure functions from replies to a verdict.

A judge confirms or refutes only what it was asked about; whatever else a reply shows leaves the fact open. Whether a
reply came at all (time-outs, 429, 5xx) is looked at by `kit` before a judge is asked.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from moongate.facts.batches import ENDED
from moongate.facts.chat import Usage
from moongate.wire.faults import Fault, fault_in
from moongate.wire.fold import usage_from
from moongate.wire.limits import Limits, limits_in
from moongate.wire.replies import Reply
from moongate.wire.sse import Decoder

CACHE_UNIT = 256  # tokens (documentation, 2026-08-13)
Status = Literal["confirmed", "refuted", "open"]
Verdict = tuple[Status, str]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One reply, read as far as it can be. `payload` is its JSON, `events` those of a stream, `text` all of it."""

    status: int
    headers: Mapping[str, str]
    payload: Any = None
    events: tuple[Any, ...] = ()
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300

    @property
    def fault(self) -> Fault:
        """What an error body says; empty when there is none."""
        return fault_in(self.payload)

    @property
    def said(self) -> str:
        """The status with the error's type and message, as a detail shows it."""
        fault = self.fault
        words = " ".join(word for word in (fault.type or fault.code, fault.message) if word)
        return f"HTTP {self.status}" + (f": {words}" if words else "")

    @property
    def usage(self) -> Usage | None:
        """The tokens that the reply reports, wherever it does."""
        found = [usage_from(_get(payload, "usage")) for payload in (self.payload, *reversed(self.events))]
        found += [usage_from(_get(choice, "usage")) for event in self.events for choice in _list(event, "choices")]
        return next((usage for usage in found if usage is not None), None)


Judge = Callable[[Sequence[Seen]], Verdict]


def seen(reply: Reply) -> Seen:
    """Read a reply; a body that is no JSON gives no payload. Raises what a malformed stream raises."""
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        events = tuple(_json(text) for text in Decoder().feed(reply.body) if text != "[DONE]")
        return Seen(status=reply.status, headers=reply.headers, events=events)
    text = reply.body.decode("utf-8", "replace")
    return Seen(status=reply.status, headers=reply.headers, payload=_json(reply.body), text=text)


def accepted(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a 2xx, refute by a 400."""
    last = replies[-1]
    if last.ok:
        return "confirmed", f"accepted (HTTP {last.status})"
    return ("refuted" if last.status == 400 else "open"), last.said


def refused(*words: str, status: int = 400) -> Judge:
    """Return a judge: confirmed by this status with any of the words in the message, refuted by a 2xx."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        last = replies[-1]
        if last.ok:
            return "refuted", f"accepted (HTTP {last.status}){_warned(last)}"
        named = any(re.search(rf"\b{re.escape(word)}\b", last.fault.message) for word in words)
        return ("confirmed" if last.status == status and named else "open"), last.said

    return judge


def spent_on_thinking(replies: Sequence[Seen]) -> Verdict:
    """Confirm by an empty answer that was cut by its length, refute by a 400; an answer with text settles nothing."""
    last = replies[-1]
    if not last.ok:
        return ("refuted" if last.status == 400 else "open"), last.said
    choice = next(iter(_list(last.payload, "choices")), None)
    content, finish = _get(_get(choice, "message"), "content"), _get(choice, "finish_reason")
    confirmed = finish == "length" and content in ("", None)
    return ("confirmed" if confirmed else "open"), f"content {content!r:.40}, finish_reason {finish!r}"


def unauthorized(kind: str) -> Judge:
    """Return a judge: confirmed by a 401 of this type, refuted by any other answer in JSON."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        last = replies[-1]
        if last.payload is None:
            return "open", _no_json(last)
        return ("confirmed" if last.status == 401 and last.fault.type == kind else "refuted"), last.said

    return judge


def unknown_model(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a 404 of the published type and words, refute by any other answer in JSON."""
    last = replies[-1]
    if last.payload is None:
        return "open", _no_json(last)
    fault = last.fault
    exact = fault.type == "resource_not_found_error" and "Not found the model" in fault.message
    return ("confirmed" if last.status == 404 and exact else "refuted"), last.said


def no_route(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a 404 whose `error` is the string "url.not_found", refute by any other answer in JSON."""
    last = replies[-1]
    if last.payload is None:
        return "open", _no_json(last)
    if last.status == 404 and _get(last.payload, "error") == "url.not_found":
        return "confirmed", "HTTP 404: the url.not_found envelope"
    return "refuted", last.said


def answer_id(replies: Sequence[Seen]) -> Verdict:
    """Confirm by `chatcmpl-` with 24 hexadecimal digits."""
    found = _get(replies[-1].payload, "id")
    if not replies[-1].ok or not isinstance(found, str):
        return "open", replies[-1].said
    good = re.fullmatch(r"chatcmpl-[0-9a-f]{24}", found)
    return ("confirmed" if good else "refuted"), f"the id is {found!r}"


def call_id(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a tool call's id of the function's name, `_` and a number."""
    for choice in _list(replies[-1].payload, "choices"):
        for call in _list(_get(choice, "message"), "tool_calls"):
            name, found = _get(_get(call, "function"), "name"), _get(call, "id")
            good = re.fullmatch(rf"{re.escape(str(name))}_\d+", str(found))
            return ("confirmed" if good else "refuted"), f"the id of a call to {name!r} is {found!r}"
    return "open", f"no tool call came ({replies[-1].said})"


def stream_usage(replies: Sequence[Seen]) -> Verdict:
    """Confirm by usage in the last choice and in a chunk of its own."""
    last = replies[-1]
    if not last.ok or not last.events:
        return "open", last.said
    inside = any(_get(choice, "usage") for event in last.events for choice in _list(event, "choices"))
    beside = any(_get(event, "usage") and not _list(event, "choices") for event in last.events)
    places = [name for name, there in (("choices[0]", inside), ("a chunk of its own", beside)) if there]
    return ("confirmed" if inside and beside else "refuted"), f"usage in {' and '.join(places) or 'no chunk'}"


def cached_places(replies: Sequence[Seen]) -> Verdict:
    """Confirm by equal numbers in both places; without a cache hit nothing is learned."""
    used = _get(replies[-1].payload, "usage")
    top = _get(used, "cached_tokens")
    inner = _get(_get(used, "prompt_tokens_details"), "cached_tokens")
    if not top and not inner:
        return "open", f"the repeated prompt reported no cached tokens ({replies[-1].said})"
    return ("confirmed" if top == inner else "refuted"), f"usage: {top}, prompt_tokens_details: {inner}"


def length_kept(maximum: int) -> Judge:
    """Return a judge: confirmed by an answer cut at `maximum` completion tokens, refuted by a longer one."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        used = replies[-1].usage
        if not replies[-1].ok or used is None:
            return "open", replies[-1].said
        detail = f"{used.completion_tokens} completion tokens of at most {maximum}"
        if used.completion_tokens > maximum:
            return "refuted", detail
        finish = [_get(choice, "finish_reason") for choice in _list(replies[-1].payload, "choices")]
        return ("confirmed" if "length" in finish else "open"), f"{detail}, finish_reason {finish}"

    return judge


def bare_estimate(replies: Sequence[Seen]) -> Verdict:
    """Confirm by `{"data": {"total_tokens": n}}` with nothing beside `data`."""
    payload = replies[-1].payload
    total = _get(_get(payload, "data"), "total_tokens")
    if not replies[-1].ok or not isinstance(total, int):
        return "open", replies[-1].said
    beside = sorted(set(payload) - {"data"})
    return ("refuted" if beside else "confirmed"), f"beside data: {', '.join(beside) or 'nothing'}"


def balance_shape(replies: Sequence[Seen]) -> Verdict:
    """Confirm by three numbers in `data`, of which available = voucher + max(cash, 0). No amount is repeated."""
    data = _get(replies[-1].payload, "data")
    amounts = {name: _get(data, f"{name}_balance") for name in ("available", "voucher", "cash")}
    if not replies[-1].ok:
        return "open", replies[-1].said
    if not all(isinstance(amount, int | float) for amount in amounts.values()):
        kinds = {name: type(amount).__name__ for name, amount in amounts.items()}
        return "refuted", f"not three numbers: {kinds}"
    exact = {name: Decimal(str(amount)) for name, amount in amounts.items()}
    adds_up = abs(exact["voucher"] + max(exact["cash"], Decimal(0)) - exact["available"]) <= Decimal("0.00002")
    return ("confirmed", "three numbers that add up") if adds_up else ("refuted", "the three numbers do not add up")


def purpose_taken(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a 2xx, refute by a 400 about the purpose; a refusal of the file itself leaves it open."""
    last = replies[-1]
    if last.ok:
        return "confirmed", f"accepted (HTTP {last.status})"
    return ("refuted" if last.status == 400 and "purpose" in last.said.lower() else "open"), last.said


def has_fields(*names: str, where: Mapping[str, Any] | None = None) -> Judge:
    """Return a judge: confirmed by an object with these fields, and those of `where` of these values."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        last = replies[-1]
        if not last.ok or not isinstance(last.payload, dict):
            return "open", last.said
        missing = [name for name in names if name not in last.payload]
        other = {
            name: last.payload.get(name) for name, value in (where or {}).items() if last.payload.get(name) != value
        }
        if missing or other:
            return "refuted", f"missing: {', '.join(missing) or 'nothing'}; otherwise: {other or 'nothing'}"
        return "confirmed", f"has {', '.join((*names, *(where or {})))}"

    return judge


def tells(text: str) -> Judge:
    """Return a judge: confirmed by a body that holds the text, refuted by another body."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        last = replies[-1]
        if not last.ok:
            return "open", last.said
        there = text in last.text
        return ("confirmed" if there else "refuted"), f"the text is {'' if there else 'not '}in the content"

    return judge


def gone(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a 404, refute by a 2xx."""
    last = replies[-1]
    return ("confirmed" if last.status == 404 else "refuted" if last.ok else "open"), last.said


def in_state(*states: str) -> Judge:
    """Return a judge of a batch: confirmed by one of these states, refuted by another one that it ended in."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        last = replies[-1]
        state = _get(last.payload, "status")
        if not last.ok or not isinstance(state, str):
            return "open", last.said
        ended = state in ENDED
        return ("confirmed" if state in states else "refuted" if ended else "open"), f"the batch is {state!r}"

    return judge


def output_line(replies: Sequence[Seen]) -> Verdict:
    """Confirm by a line with custom_id, response.status_code and response.body."""
    last = replies[-1]
    line = _json(last.text.partition("\n")[0])
    if not last.ok or not isinstance(line, dict):
        return "open", f"no line of JSON came ({last.said})"
    answer = _get(line, "response")
    good = _get(line, "custom_id") and _get(answer, "status_code") and isinstance(_get(answer, "body"), dict)
    return ("confirmed" if good else "refuted"), f"a line has {', '.join(sorted(line))}"


def cached_by_prefix(replies: Sequence[Seen]) -> Verdict:
    """Judge a prompt, the same again, and one that only begins so: by what of the last one was cached."""
    *_, whole, part = (0, 0, *map(_cached, replies))
    detail = f"cached tokens: {whole} of the same prompt again, {part} of one that begins as it does"
    if not all(reply.ok for reply in replies) or not whole:
        return "open", detail
    return ("confirmed" if part and part % CACHE_UNIT == 0 else "refuted"), detail


def cached_after(seconds: float) -> Judge:
    """Return a judge of a prompt, the same again, and again after a wait: by what of the last one was cached."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        *_, soon, late = (0, 0, *map(_cached, replies))
        detail = f"cached tokens: {soon} at once, {late} after {seconds:.0f} s"
        if not all(reply.ok for reply in replies) or not soon:
            return "open", detail
        return ("confirmed" if late else "refuted"), detail

    return judge


def _cached(reply: Seen) -> int:
    return reply.usage.cached_tokens if reply.usage is not None else 0


def no_limit_headers(replies: Sequence[Seen]) -> Verdict:
    """Confirm by an answer without X-RateLimit headers, refute by one with them."""
    last = replies[-1]
    told = {name: value for name, value in last.headers.items() if name.lower().startswith("x-ratelimit")}
    if told:
        return "refuted", ", ".join(f"{name}: {value}" for name, value in told.items())
    return ("confirmed" if last.ok else "open"), f"no such header (HTTP {last.status})"


def has_header(name: str) -> Judge:
    """Return a judge: confirmed by an answer with this header, whatever it says, refuted by one without it."""

    def judge(replies: Sequence[Seen]) -> Verdict:
        last = replies[-1]
        if name in last.headers:
            return "confirmed", f"{name}: {last.headers[name]}"
        return ("refuted" if last.ok else "open"), f"no such header (HTTP {last.status})"

    return judge


def limits_told(refused: Sequence[Seen]) -> Verdict:
    """Judge the 429s of a run by whether their texts name limits."""
    if not refused:
        return "open", "no 429 came in this run, and none is provoked"
    found = [limits_in(reply.fault.message) for reply in refused]
    told = Limits()
    for limits in found:
        told |= limits
    numbers = {name: value for name, value in dataclasses.asdict(told).items() if value is not None}
    return ("confirmed" if numbers else "refuted"), f"{numbers or 'no number'} in {len(found)} answers"


def whole_seconds(refused: Sequence[Seen]) -> Verdict:
    """Judge the 429s of a run by their Retry-After."""
    told = [reply.headers.get("retry-after") for reply in refused]
    if not told:
        return "open", "no 429 came in this run, and none is provoked"
    good = all(value is not None and value.isdecimal() for value in told)
    return ("confirmed" if good else "refuted"), f"Retry-After: {', '.join(map(str, told))}"


def _no_json(reply: Seen) -> str:
    """A page may be a proxy's: it says nothing about the endpoint."""
    return f"HTTP {reply.status} with something that is not JSON"


def _warned(reply: Seen) -> str:
    warning = reply.headers.get("msh-schema-warning")
    return f" with the header msh-schema-warning: {warning}" if warning else ""


def _json(text: str | bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: Any, name: str) -> list[Any]:
    found = _get(value, name)
    return found if isinstance(found, list) else []
