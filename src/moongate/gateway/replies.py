"""Error bodies in Moonshot's envelope, types and wording, made from whatever went wrong.

Pure. `suggestions`, `code` and `param` are added to Moonshot's `message` and `type`. What the provider knows about
the gateway's own account (keys, organisation, money) is told to its operator's log, not to its callers.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from moongate import errors
from moongate.facts.money import Money
from moongate.facts.providers import Provider
from moongate.wire.clean import excerpt
from moongate.wire.replies import Reply


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer that is no."""

    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    suggestions: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The body as a value."""
        names = ("message", "type", "code", "param")
        return {"error": {**{n: getattr(self, n) for n in names}, "suggestions": list(self.suggestions)}}

    @property
    def body(self) -> bytes:
        """The body as bytes."""
        return msgspec.json.encode(self.document)


_LIMITS = {"concurrency": "max concurrency", "rpm": "max RPM", "tpm": "TPM rate limit", "tpd": "TPD rate limit"}
NO_KEY = Refusal(status=401, type="incorrect_api_key_error", message="Incorrect API key provided")
WRONG_KEY = Refusal(status=401, type="invalid_authentication_error", message="Invalid Authentication")
TOO_LARGE = Refusal(status=413, type="invalid_request_error", message="Request exceeds the maximum size")
TOO_SLOW = Refusal(status=408, type="invalid_request_error", message="The request body did not arrive in time")
NOT_JSON_TYPE = Refusal(
    status=415,
    type="invalid_request_error",
    message="Invalid request: Content-Type must be application/json",
)
ENCODED = Refusal(
    status=415,
    type="invalid_request_error",
    message="Invalid request: an encoded body cannot be checked; send it without Content-Encoding",
)
ENDING = Refusal(status=503, type="server_unavailable", message="The gateway is ending", code="ending")
FAILED = Refusal(status=500, type="server_error", message="The gateway failed; its log says why")


def invalid(message: str) -> Refusal:
    """Return the 400 for a request that cannot work as it is."""
    return Refusal(status=400, type="invalid_request_error", message=message)


def forbidden(why: str) -> Refusal:
    """Return the 403 for a request that does not get in whatever its key."""
    return Refusal(
        status=403, type="permission_denied_error", message=f"The API you are accessing is not open: {why}"
    )


WRONG_HOST = forbidden("the Host header does not name this gateway")
WRONG_ORIGIN = forbidden("this origin is not configured")


def foreign(ours: str, theirs: str) -> Refusal:
    """Return the 403 for a model whose price is in another currency than the account; nothing is converted."""
    return forbidden(f"this account is in {ours}, the model's price is in {theirs}")


def not_http(status: int, why: str) -> Refusal:
    """Return the answer to a request that is malformed below JSON."""
    return Refusal(status=status, type="invalid_request_error", message=f"Invalid request: {why}")


GARBLED = not_http(400, "it is not HTTP/1.1 as the standard has it")
NO_HOST = not_http(400, "it has no Host header")
DOUBLED = not_http(400, "a header that must stand once stands twice")
HEAD_TOO_SLOW = not_http(408, "its headers did not arrive in time")
NO_UPGRADE = not_http(400, "no other protocol is spoken here; send it without Upgrade")
EXPECTATION = not_http(417, "of expectations only 100-continue is met")
HEAD_TOO_LARGE = not_http(431, "its headers are too large or too many")
NO_ROOM = Refusal(
    status=503,
    type="server_unavailable",
    message="The gateway has no room for another large request at the moment, please try again after 5 seconds",
    code="no_room",
    headers={"retry-after": "5"},
)
NO_BOOKS = Refusal(
    status=503,
    type="server_unavailable",
    message="The gateway's accounts cannot be read or written at the moment; its log says why",
    code=errors.StorageError.kind,
)


def later(title: str, wait_s: float, *, broken: bool) -> Refusal:
    """Return the answer where an upstream takes no call for a while: it failed lately, or its limit is reached."""
    seconds = str(math.ceil(wait_s))
    if broken:
        return Refusal(
            status=503,
            type="server_unavailable",
            message=f"{title} failed several times in a row, please try again after {seconds} seconds",
            code="upstream_failing",
            headers={"retry-after": seconds},
        )
    return Refusal(
        status=429,
        type="rate_limit_reached_error",
        message=f"The gateway's account at {title} reached its limit, please try again after {seconds} seconds",
        code="upstream_limit",
        headers={"retry-after": seconds},
    )


def no_route(method: str, path: str) -> bytes:
    """Return the body for an unknown route or a wrong method: Moonshot's other envelope, where `error` is a text."""
    return msgspec.json.encode(
        {
            "code": 5,
            "error": "url.not_found",
            "message": "没找到对象",
            "method": method,
            "scode": "0x5",
            "status": False,
            "ua": "",
            "url": path,
        }
    )


def empty(account: str, balance_nano: int) -> Refusal:
    """Return Moonshot's answer to an account without money: "suspended" when it owes some."""
    message = f"You exceeded your current token quota: <{account}> 0, please check your account balance"
    if balance_nano < 0:
        message = (
            f"Your account {account} is suspended due to insufficient balance, "
            "please recharge your account or check your plan and billing details"
        )
    return Refusal(status=429, type="exceeded_current_quota_error", message=message, code="no_money")


def spent(account: str, kind: str, left_nano: int, worst_nano: int, currency: str) -> Refusal:
    """Return the answer that no retry changes: a balance is empty, or a call may cost more than a budget has left."""
    if kind == "balance":
        return empty(account, left_nano)
    left, worst = Money(nano=left_nano, currency=currency), Money(nano=worst_nano, currency=currency)
    message = f"You exceeded your current token quota: this key's budget of the {kind} (UTC) has {left} left, "
    message += f"and the request may cost {worst}; a smaller max_tokens makes that less"
    return Refusal(status=429, type="exceeded_current_quota_error", message=message, code=f"budget_{kind}_spent")


def in_use(account: str, kind: str, *, limit: int | None, wait_s: float) -> Refusal:
    """Return the answer to a call that has no room now; a retry helps, after so many seconds."""
    if kind == "balance":
        return busy(account)
    seconds = math.ceil(wait_s)
    if kind in _LIMITS:
        what, code = f"this key's {_LIMITS[kind]}: {limit}", f"{kind}_reached"
    else:
        what, code = (
            f"this key's budget of the {kind}: all of it is set aside for requests in flight",
            "budget_in_use",
        )
    return Refusal(
        status=429,
        type="rate_limit_reached_error",
        message=f"Your request reached {what}, please try again after {seconds} seconds",
        code=code,
        headers={"retry-after": str(seconds)},
    )


def busy(account: str) -> Refusal:
    """Return the answer to an account whose money is all set aside for its calls in flight; a retry helps."""
    return Refusal(
        status=429,
        type="rate_limit_reached_error",
        message=f"Your account {account} has its whole balance set aside for requests in flight, "
        "please try again after 1 seconds",
        code="balance_in_use",
        headers={"retry-after": "1"},
    )


def rename(error: errors.MoongateError, ids: Iterable[tuple[str, str]]) -> None:
    """Have an error speak of files by the ids that the caller knows."""
    for theirs, ours in ids:
        error.message = error.message.replace(theirs, ours)
        error.provider_message = (error.provider_message or "").replace(theirs, ours) or None


@contextlib.contextmanager
def renaming(ids: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Do that with the errors of what follows."""
    try:
        yield
    except errors.MoongateError as error:
        rename(error, ids)
        raise


def refusal_from(error: errors.MoongateError, row: Provider, *, model: str | None = None) -> Refusal:
    """Return the answer for an error, in Moonshot's wording as far as it has one for the kind."""
    for kinds, make in _MAKERS:
        if isinstance(error, kinds):
            return make(error, row, model)
    return _unavailable(error, row, model)


def with_overflow(error: errors.MoongateError, reply: Reply) -> errors.MoongateError:
    """Word llama.cpp's context overflow as Moonshot does, with the numbers that its body holds."""
    found = re.search(rb'"n_prompt_tokens"\s*:\s*(\d+)', reply.body), re.search(rb'"n_ctx"\s*:\s*(\d+)', reply.body)
    if isinstance(error, errors.ContextOverflowError) and found[0] and found[1]:
        asked, limit = int(found[0][1]), int(found[1][1])
        error.provider_message = (
            f"Invalid request: Your request exceeded model token limit: {limit} (requested: {asked})"
        )
    return error


def _refused(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    name = excerpt(model or "", 120)
    return Refusal(
        status=404,
        type="resource_not_found_error",
        message=f"Not found the model {name} or Permission denied. {error}",
        code=error.kind,
        param="model",
        suggestions=error.suggestions,
    )


def _not_permitted(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    message = f"Not found the model {excerpt(model or '', 120)} or Permission denied"
    return Refusal(status=404, type="resource_not_found_error", message=message, code=error.kind, param="model")


def _invalid(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    message = error.provider_message or f"Invalid request: {error}"
    return Refusal(status=400, type="invalid_request_error", message=message, code=error.kind)


def _filtered(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    message = "The request was rejected because it was considered high risk"
    return Refusal(status=400, type="content_filter", message=message, code=error.kind)


def _overloaded(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    message = "The engine is currently overloaded, please try again later"
    return Refusal(status=429, type="engine_overloaded_error", message=message, code=error.kind, headers=_wait(error))


def _limited(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    headers = _wait(error)
    scope = getattr(error, "scope", None)
    reached = (
        f"request reached organization {_LIMITS[scope]}" if scope in _LIMITS else "Organization Rate limit exceeded"
    )
    when = f", please try again after {headers['retry-after']} seconds" if headers else ", please try again later"
    return Refusal(
        status=429, type="rate_limit_reached_error", message=reached + when, code=error.kind, headers=headers
    )


def _wait(error: errors.MoongateError) -> dict[str, str]:
    seconds = getattr(error, "retry_after_s", None)
    return {} if seconds is None else {"retry-after": str(math.ceil(seconds))}


def _denied(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    return Refusal(
        status=403, type="permission_denied_error", message="The API you are accessing is not open", code=error.kind
    )


def _no_money(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    return Refusal(
        status=429,
        type="exceeded_current_quota_error",
        message=f"The gateway's own account at {row.title} is suspended due to insufficient balance; "
        "only its operator can mend that",
        code=error.kind,
    )


def _operator(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    """Say that the fault lies between gateway and provider. Not a 401: that would blame the caller's key."""
    return Refusal(
        status=503,
        type="server_unavailable",
        message=f"The gateway cannot use {row.title} as it is configured ({error.kind}); its log says why",
        code=error.kind,
    )


def _gone_slow(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    return Refusal(status=504, type="server_error", message=error.message, code=error.kind)


def _server(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    if error.status == 503:
        return _unavailable(error, row, model)
    return Refusal(status=500, type="server_error", message=error.message, code=error.kind)


def _garbled(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    return Refusal(status=502, type="unexpected_output", message=error.message, code=error.kind)


def _unavailable(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    return Refusal(status=503, type="server_unavailable", message=error.message, code=error.kind)


def _storage(error: errors.MoongateError, row: Provider, model: str | None) -> Refusal:
    return NO_BOOKS


_MAKERS = (
    (errors.ModelRefusedError, _refused),
    (errors.ModelNotPermittedError, _not_permitted),
    (errors.ContentFilterError, _filtered),
    ((errors.BadRequestError, errors.RequestRefusedError), _invalid),
    (errors.OverloadedError, _overloaded),
    (errors.RateLimitedError, _limited),
    ((errors.PermissionDeniedError, errors.NotOfferedError), _denied),
    (errors.InsufficientBalanceError, _no_money),
    (errors.StorageError, _storage),
    ((errors.AuthenticationError, errors.UsageError), _operator),
    (errors.TimedOutError, _gone_slow),
    (errors.ServerError, _server),
    ((errors.NotJsonError, errors.TooLargeError, errors.BrokenStreamError), _garbled),
)
