"""A provider's answer: the value in it, or the error it really is.

Status codes lie about model ids (404 at Moonshot, 400 at OpenRouter, 401 at Kimi Code), and error bodies come in four
envelopes or as HTML; so the body decides, the status comes second. Messages of providers are kept, redacted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from moongate import errors
from moongate.facts.providers import Provider
from moongate.wire.clean import excerpt, redact
from moongate.wire.faults import MAX_WAIT_S, Fault, fault_in

T = TypeVar("T")
MAX_MESSAGE = 4096  # characters of a provider's message that are looked at

_MONEY = re.compile(
    r"exceeded your current (token )?quota(?! per)|check your account balance|insufficient (account )?balance"
    r"|recharge your account|please recharge|account (is )?in arrears|insufficient credits|run out of credits"
    r"|usage limit for this billing cycle|verify your membership benefits",
    re.IGNORECASE,
)
_OVERFLOW = re.compile(
    r"exceed(ed|s|ing)?\b.*\bmodel token limit|input token length too long|context.{0,20}length|exceed_context_size"
    r"|exceeds the available context",
    re.IGNORECASE | re.DOTALL,
)
_NO_MODEL = re.compile(
    r"not found the model|model id does not exist|is not a valid model id|no endpoints found(?! that)|model not found"
    r"|unable to access model|does not exist or you do not have access",
    re.IGNORECASE,
)
_WAIT = re.compile(r"try again after (\d+(?:\.\d+)?) ?(?:s\b|sec)", re.IGNORECASE)
_COUNTED = {
    "tpm": "Prompt and max_tokens count together, whatever the answer uses: a lower max_tokens leaves more room.",
    "tpd": "The tokens of the day are used up; they count prompt and max_tokens together.",
}
_SCOPES = (("concurrency", "concurrency"), ("rpm", "rpm"), ("tpm", "tpm"), ("tpd", "tpd"))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A complete answer as it came. Header names are lower-case; `body` is decompressed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status says success; some endpoints answer a POST with 201."""
        return 200 <= self.status < 300


def decode(body: bytes, *, what: str) -> Any:
    """Return the JSON in a body.

    Raises NotJsonError naming `what` was expected, also for JSON nested beyond what can be read.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        looks = "an HTML page" if _is_html(body) else f"{excerpt(body[:200].decode('utf-8', 'replace'), 80)!r}"
        raise errors.NotJsonError(
            f"{what} is not JSON but {looks if body else 'empty'}.",
            advice="Check the base url, and whether a proxy or a login page answers in the provider's place.",
        ) from error


def decode_as(shape: type[T], body: bytes, *, what: str) -> T:
    """Return the value of `shape` in a body. Raises NotJsonError, naming `what` was expected, for any other."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.NotJsonError(f"{what} has an unknown shape.", advice="Check the base url.") from error


def error_from(
    reply: Reply, row: Provider, *, model: str | None = None, secrets: tuple[str, ...] = ()
) -> errors.MoongateError:
    """Return the error that a failed reply stands for. `model` is the id that was sent, if the call named one."""
    payload: Any = None
    try:
        payload = json.loads(reply.body) if reply.body else None
    except (ValueError, RecursionError):
        payload = None
    fault = _told(fault_in(payload), secrets)
    found = _explained(_classify(reply, fault, row, model), fault)
    found.status, found.retry_after_s = reply.status, retry_after_s(reply, fault)
    found.request_id = reply.headers.get("msh-request-id") or reply.headers.get("x-request-id")
    return found


def _explained(error: errors.MoongateError, fault: Fault) -> errors.MoongateError:
    """Return the error with what the provider said. Models that it offers instead are told, and never sent to."""
    error.provider_message = excerpt(fault.message) or None
    error.retryable = fault.retryable
    error.suggestions = error.suggestions or fault.instead
    return error


def error_in_event(payload: Mapping[str, Any], row: Provider, *, model: str | None = None) -> errors.MoongateError:
    """Return the error that arrived inside a stream whose status was 200; what it is called stands for a status."""
    fault = _told(fault_in(payload), ())
    status = int(fault.code) if fault.code.isdecimal() and len(fault.code) == 3 else _STATUS_OF.get(fault.type, 0)
    found = _explained(_classify(Reply(status=status), fault, row, model), fault)
    found.retryable = None  # a part of the answer was made, and may be charged
    return found


# Types that errors inside a stream carry where no number does (Moonshot's, and OpenRouter's of its SDK, 2026-10).
_STATUS_OF = {
    **dict.fromkeys(("invalid_request_error", "content_filter", "content_policy_violation", "refusal"), 400),
    **dict.fromkeys(("invalid_request", "invalid_prompt", "unprocessable", "precondition_failed"), 400),
    **dict.fromkeys(
        ("context_length_exceeded", "token_limit_exceeded", "max_tokens_exceeded", "string_too_long"), 400
    ),
    **dict.fromkeys(("authentication", "invalid_authentication_error", "incorrect_api_key_error"), 401),
    "payment_required": 402,
    **dict.fromkeys(("permission_denied", "permission_denied_error"), 403),
    **dict.fromkeys(("not_found", "resource_not_found_error"), 404),
    "timeout": 408,
    "payload_too_large": 413,
    "rate_limit_exceeded": 429,
}


def _told(fault: Fault, secrets: tuple[str, ...]) -> Fault:
    """Return the fault as it may be read and told: redacted first, since half a key still is a secret, then cut."""
    return replace(fault, message=redact(fault.message, secrets)[:MAX_MESSAGE])


def _classify(reply: Reply, fault: Fault, row: Provider, model: str | None) -> errors.MoongateError:
    where = f"{row.title} ({row.host})"
    said = f": {excerpt(fault.message).rstrip('.')}" if fault.message else ""
    if 300 <= reply.status < 400:
        return _redirected(reply, where)
    if model is not None and _is_model(fault, model):
        return errors.ModelNotPermittedError(
            f"{where} answers that {model!r} is not found or not permitted{said}.",
            advice="The account may lack access to it. Nothing was sent to another model.",
        )
    if _is_money(reply, fault):
        return errors.InsufficientBalanceError(
            f"{where} refuses the call for lack of money{said}.",
            advice=f"Top up at {row.top_up}." if row.top_up else "Top up the account.",
        )
    if fault.route or (reply.status in (404, 405) and model is None and not fault.type.startswith("resource")):
        return errors.UnknownRouteError(
            f"{where} has no such route (HTTP {reply.status}{said}).",
            advice=f"Check the base url {row.base_url!r}: it usually ends in /v1.",
        )
    by_status = _too_many if fault.type in _THROTTLING else _BY_STATUS.get(reply.status)
    if by_status is not None:
        return by_status(reply, fault, row, where, said)
    if reply.status >= 500 or reply.status == 0:
        return _server(reply, fault, row, where, said)
    return _bad_request(reply, fault, row, where, said)


_THROTTLING = frozenset(  # also inside a stream
    {"engine_overloaded_error", "rate_limit_reached_error", "in_flight_budget"}
)
_MODEL_CODES = frozenset(
    {
        "model_not_found",
        "no_endpoints",
        "model_deprecated",
        "model_unavailable_upstream",
        "free_variant_ended",
        "NOT_FOUND",
    }
)


def _is_model(fault: Fault, model: str) -> bool:
    """Tell a refused id by its words, its code, or AIMLAPI's way of listing all others."""
    listed = "invalid enum value" in fault.message.lower() and f"received '{model}'" in fault.message
    return listed or bool(_NO_MODEL.search(fault.message)) or fault.code in _MODEL_CODES


def _is_money(reply: Reply, fault: Fault) -> bool:
    """Tell an empty account from throttling, as Moonshot's own client does (kimi-code, 2026-08-22)."""
    if fault.type == "in_flight_budget":
        return False
    if (
        reply.status == 402
        or fault.type == "exceeded_current_quota_error"
        or fault.code == "exceeded_current_quota_error"
    ):
        return True
    return reply.status in (0, 402, 403, 429) and bool(_MONEY.search(fault.message))


def _redirected(reply: Reply, where: str) -> errors.MoongateError:
    try:
        host = urlsplit(reply.headers.get("location", "")).netloc.rpartition("@")[2] or "another address"
    except ValueError:
        host = "another address"
    return errors.BaseUrlError(
        f"{where} answered with a redirect to {excerpt(host, 80)!r}; "
        "moongate follows none, since it would carry the key.",
        advice="Set the base url to the address that answers itself.",
    )


def _unauthorized(reply: Reply, fault: Fault, row: Provider, where: str, said: str) -> errors.MoongateError:
    also = (
        f" A key of {row.region_twin} gets the same answer: use -p {row.region_twin} if it is one."
        if row.region_twin
        else ""
    )
    return errors.AuthenticationError(
        f"{where} does not accept the key{said}.",
        advice=(f"Check it at {row.console}." if row.console else "Check the key.") + also,
    )


def _forbidden(reply: Reply, fault: Fault, row: Provider, where: str, said: str) -> errors.MoongateError:
    return errors.PermissionDeniedError(
        f"{where} does not permit this (HTTP 403{said}).",
        advice="The key works, but its account or address may not do this.",
    )


def _too_many(reply: Reply, fault: Fault, row: Provider, where: str, said: str) -> errors.MoongateError:
    wait = retry_after_s(reply, fault)
    when = f"Try again in {math.ceil(wait)} s." if wait is not None else "Try again later."
    if fault.type == "engine_overloaded_error" or "overloaded" in fault.message.lower():
        return errors.OverloadedError(f"{where} is overloaded{said}.", advice=when, retry_after_s=wait)
    lowered = fault.message.lower()
    scope = next((name for word, name in _SCOPES if word in lowered), None)
    when = f"{when} {_COUNTED[scope]}" if scope in _COUNTED else when
    return errors.RateLimitedError(f"{where} asks to send less{said}.", advice=when, retry_after_s=wait, scope=scope)


def _timed_out(reply: Reply, fault: Fault, row: Provider, where: str, said: str) -> errors.MoongateError:
    return errors.TimedOutError(f"{where} gave up waiting (HTTP {reply.status}{said}).", advice="Try again.")


def _server(reply: Reply, fault: Fault, row: Provider, where: str, said: str) -> errors.MoongateError:
    page = " with an HTML page" if _is_html(reply.body) else ""
    status = f"HTTP {reply.status}{page}" if reply.status else "an error in the answer"
    return errors.ServerError(
        f"{where} failed ({status}{said}).", advice="Try again; the call may have been charged if it was a chat."
    )


def _bad_request(reply: Reply, fault: Fault, row: Provider, where: str, said: str) -> errors.MoongateError:
    if not fault.envelope and reply.body.lstrip()[:1] not in (b"{", b"["):
        return errors.NotJsonError(
            f"{where} answered HTTP {reply.status} with something that is not JSON.",
            advice="Check whether a proxy or a login page answers in the provider's place.",
        )
    if fault.type in _FILTERED or "considered high risk" in fault.message:
        return errors.ContentFilterError(f"{where} rejected the content{said}.", advice="Change the prompt.")
    if _OVERFLOW.search(fault.message) or fault.type in ("exceed_context_size_error", "context_length_exceeded"):
        return errors.ContextOverflowError(
            f"Prompt and answer do not fit the model's context window at {where}{said}.",
            advice="Shorten the prompt or lower max_tokens.",
        )
    return errors.BadRequestError(f"{where} does not accept the request (HTTP {reply.status}{said}).")


_FILTERED = ("content_filter", "content_policy_violation", "refusal")
_BY_STATUS = {401: _unauthorized, 403: _forbidden, 408: _timed_out, 429: _too_many}


def retry_after_s(reply: Reply, fault: Fault | None = None) -> float | None:
    """Return how long the provider asks to wait, in seconds, from the header or the text; capped at an hour."""
    for name in ("retry-after", "x-retry-after"):
        value = reply.headers.get(name, "").strip()
        if value.isascii() and value.isdecimal():
            return min(float(value[:9]), MAX_WAIT_S)
    if fault is not None and fault.retry_after_s is not None:
        return fault.retry_after_s
    found = _WAIT.search(fault.message) if fault else None
    return min(float(found[1][:9]), MAX_WAIT_S) if found else None


def _is_html(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"
