"""Every answer that says no: what it means, how it is told, and that it carries no identifier on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moongate import errors as e
from moongate.facts.providers import Provider, built_in
from moongate.wire.replies import Reply, decode, error_from, error_in_event, retry_after_s

ROWS = built_in()
MOONSHOT = ROWS["moonshot"]
ORG, AK = "org-0123456789abcdef", "ak-0123456789abcdef"
ACCOUNT = f"Your account {ORG}<{AK}>"


def _moonshot(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind}}


def _error(
    status: int, body: object, row: Provider = MOONSHOT, *, model: str | None = "kimi-k2.6", **headers: str
) -> e.MoongateError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = Reply(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=raw)
    return error_from(reply, row, model=model)


INVALID, LIMIT, QUOTA = "invalid_request_error", "rate_limit_reached_error", "exceeded_current_quota_error"
OVERFLOW = "Invalid request: Your request exceeded model token limit: 262144 (requested: 274613)"

PLATFORM = [
    (400, "content_filter", "The request was rejected because it was considered high risk", e.ContentFilterError, 3),
    (400, INVALID, "Invalid request: messages must not be empty", e.BadRequestError, 3),
    (400, INVALID, "invalid temperature: only 1 is allowed for this model", e.BadRequestError, 3),
    (400, INVALID, "tool_choice 'required' is incompatible with thinking enabled", e.BadRequestError, 3),
    (400, INVALID, "the message at position 105 with role 'assistant' must not be empty", e.BadRequestError, 3),
    (400, INVALID, "Input token length too long", e.ContextOverflowError, 3),
    (400, INVALID, OVERFLOW, e.ContextOverflowError, 3),
    (413, INVALID, OVERFLOW, e.ContextOverflowError, 3),
    (400, INVALID, "File size is zero, please confirm and re-upload the file", e.BadRequestError, 3),
    (401, "invalid_authentication_error", "Invalid Authentication", e.AuthenticationError, 3),
    (401, "incorrect_api_key_error", "Incorrect API key provided", e.AuthenticationError, 3),
    (403, "permission_denied_error", "The API you are accessing is not open", e.PermissionDeniedError, 3),
    (403, "permission_denied_error", "You are not allowed to get other user info", e.PermissionDeniedError, 3),
    (
        403,
        "permission_denied_error",
        "Your IP is not allowed to access this organization",
        e.PermissionDeniedError,
        3,
    ),
    (
        404,
        "resource_not_found_error",
        "Not found the model kimi-k2.6 or Permission denied",
        e.ModelNotPermittedError,
        3,
    ),
    (408, "timeout", "", e.TimedOutError, 4),
    (413, INVALID, "Request exceeds the maximum size", e.BadRequestError, 3),
    (
        429,
        "engine_overloaded_error",
        "The engine is currently overloaded, please try again later",
        e.OverloadedError,
        4,
    ),
    (
        429,
        QUOTA,
        f"You exceeded your current token quota: <{ORG}> 31275, please check your account balance",
        e.InsufficientBalanceError,
        3,
    ),
    (
        429,
        QUOTA,
        f"Your account {ORG} <ak-test> is suspended due to insufficient balance, please recharge your account or "
        "check your plan and billing details",
        e.InsufficientBalanceError,
        3,
    ),
    (429, "", f"{ACCOUNT} is suspended due to insufficient balance", e.InsufficientBalanceError, 3),
    (429, "", "x" * 1000 + " please recharge", e.InsufficientBalanceError, 3),
    (429, "", "account is in arrears", e.InsufficientBalanceError, 3),
    (429, LIMIT, "your token quota per minute was exceeded", e.RateLimitedError, 4),
    (429, LIMIT, "You exceeded your current token quota per minute", e.RateLimitedError, 4),
    (429, LIMIT, f"{ACCOUNT} request reached organization max RPM: 3", e.RateLimitedError, 4),
    (429, LIMIT, "request reached user+model max RPM: 50", e.RateLimitedError, 4),
    (429, LIMIT, "Organization Rate limit exceeded, please try again after 1 seconds", e.RateLimitedError, 4),
    (500, "server_error", "Failed to extract file: x", e.ServerError, 4),
    (500, "unexpected_output", "invalid state transition", e.ServerError, 4),
    (503, "server_unavailable", "", e.ServerError, 4),
]


@pytest.mark.parametrize(("status", "kind", "message", "error", "code"), PLATFORM)
def test_the_platforms_table(status: int, kind: str, message: str, error: type[e.MoongateError], code: int) -> None:
    found = _error(status, _moonshot(kind, message), msh_request_id="req-1")
    assert type(found) is error and found.exit_code == code
    assert (found.status, found.request_id) == (status, "req-1")
    assert not any(secret in f"{found} {found.provider_message}" for secret in (ORG, AK, "ak-test"))
    assert "Moonshot (api.moonshot.ai)" in str(found) or error is e.ContextOverflowError
    assert message[:30].split("org-")[0] in (found.provider_message or "")


LIMITS = [
    (
        f"{ACCOUNT} request reached organization max concurrency: 1, please try again after 1 seconds",
        "concurrency",
        1.0,
    ),
    (f"{ACCOUNT} request reached organization max RPM: 3, please try again after 17 seconds", "rpm", 17.0),
    (f"{ACCOUNT} request reached organization TPM rate limit, current:9, limit:8", "tpm", None),
    (f"{ACCOUNT} request reached organization TPD rate limit,current:9, limit:8", "tpd", None),
    ("We're receiving too many requests at the moment. Please wait.", None, None),
]


@pytest.mark.parametrize(("message", "scope", "wait"), LIMITS)
def test_limits_are_read_from_the_text(message: str, scope: str | None, wait: float | None) -> None:
    found = _error(429, _moonshot(LIMIT, message))
    assert isinstance(found, e.RateLimitedError)
    assert (found.scope, found.retry_after_s) == (scope, wait)
    assert found.advice.startswith("Try again later." if wait is None else f"Try again in {wait:.0f} s.")
    assert ("Prompt and max_tokens count together" in found.advice) == (scope == "tpm")
    assert ("tokens of the day are used up" in found.advice) == (scope == "tpd")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"x-retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "999999999999999999999"}, 3600.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(Reply(status=429, headers=headers)) == seconds


NOT_FOUND = {"code": 5, "error": "url.not_found", "message": "没找到对象", "method": "POST", "scode": "0x5",
             "status": False, "ua": "", "url": "/v1/responses"}  # fmt: skip


def test_both_404_envelopes() -> None:
    route = _error(404, NOT_FOUND)
    assert type(route) is e.UnknownRouteError and route.exit_code == 2 and "没找到对象" in str(route)
    assert "https://api.moonshot.ai/v1" in route.advice
    model = _error(404, _moonshot("resource_not_found_error", "Not found the model kimi-k2.6 or Permission denied"))
    assert type(model) is e.ModelNotPermittedError and "answers that 'kimi-k2.6' is not found" in str(model)
    file = _error(404, _moonshot("resource_not_found_error", "file x not found"), model=None)
    assert type(file) is e.BadRequestError


HTML = b"<html>\r\n<head><title>504 Gateway Time-out</title></head></html>"


@pytest.mark.parametrize(
    ("status", "body", "model", "error"),
    [
        (504, HTML, "kimi-k2.6", e.ServerError),
        (403, b"<!doctype html><title>Attention Required! | Cloudflare</title>", None, e.PermissionDeniedError),
        (404, HTML, None, e.UnknownRouteError),
        (405, b"", None, e.UnknownRouteError),
        (400, b"nope", None, e.NotJsonError),
        (404, HTML, "kimi-k2.6", e.NotJsonError),
        (500, b"", None, e.ServerError),
        (418, b"[" * 100_000, None, e.BadRequestError),
        (400, b'{"error":null}', None, e.BadRequestError),
        (400, b'{"error":[1]}', None, e.BadRequestError),
        (400, b'{"error":{"message":{"a":1},"type":7,"code":[]}}', None, e.BadRequestError),
        (400, b"7", None, e.NotJsonError),
    ],
)
def test_bodies_that_are_no_error_document(
    status: int, body: bytes, model: str | None, error: type[e.MoongateError]
) -> None:
    found = _error(status, body, model=model)
    assert type(found) is error and found.status == status and "<" not in str(found)


CODE = [
    (401, "The API Key appears to be invalid or may have expired.", None, e.AuthenticationError),
    (401, "Your model id does not exist… Please set model id as 'k3'", "k3[1m]", e.ModelNotPermittedError),
    (401, "Not found the model kimi-k2.6 or Permission denied", "kimi-k2.6", e.ModelNotPermittedError),
    (402, "We're unable to verify your membership benefits at this time.", "k3", e.InsufficientBalanceError),
    (403, "You've reached your usage limit for this billing cycle.", "k3", e.InsufficientBalanceError),
    (
        403,
        "Kimi For Coding is currently only available for Coding Agents",
        "k3",
        e.PermissionDeniedError,
    ),
    (429, "We're receiving too many requests at the moment. Please wait.", "k3", e.RateLimitedError),
]


@pytest.mark.parametrize(("status", "message", "model", "error"), CODE)
def test_kimi_codes(status: int, message: str, model: str | None, error: type[e.MoongateError]) -> None:
    found = _error(status, _moonshot("access_terminated_error", message), ROWS["kimi-code"], model=model)
    assert type(found) is error and "Kimi Code (api.kimi.com)" in str(found)


def _openrouter(code: int, message: str, **more: object) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}, "user_id": "user_1"}


def _availability(code: str) -> dict[str, object]:
    return {"availability": {"code": code, "retryable": False, "requested_models": ["x"], "fallback_models": ["y"]}}


K26 = "moonshotai/kimi-k2.6"
OPENROUTER = [
    (400, "claude-sonnet-4-6 is not a valid model ID", {}, e.ModelNotPermittedError),
    (404, f"No endpoints found for {K26}.", {}, e.ModelNotPermittedError),
    (404, "No endpoints found that support tool use. To learn more", {}, e.BadRequestError),  # the id is right
    (402, "wait", {"metadata": {"limit_source": "openrouter_in_flight_budget"}}, e.RateLimitedError),
    (400, "no", {"metadata": {"error_type": "content_policy_violation"}}, e.ContentFilterError),
    (400, "unknown", _availability("model_not_found"), e.ModelNotPermittedError),
    (404, "gone", _availability("model_deprecated"), e.ModelNotPermittedError),
    (404, "gone", _availability("free_variant_ended"), e.ModelNotPermittedError),
    (404, "filtered", _availability("constraint_filtered"), e.BadRequestError),
    (403, "region", _availability("region_restricted"), e.PermissionDeniedError),
    (429, "full", _availability("capacity_exhausted"), e.RateLimitedError),
    (503, "later", _availability("temporarily_unavailable"), e.ServerError),
    (401, "Missing Authentication header", {}, e.AuthenticationError),
    (402, "Insufficient credits. Add more using https://openrouter.ai/credits", {}, e.InsufficientBalanceError),
    (402, "?", {"metadata": {"limit_source": "openrouter_key_limit"}}, e.InsufficientBalanceError),
    (403, "Only management keys can perform this operation", {}, e.PermissionDeniedError),
    (429, "Rate limit exceeded", {}, e.RateLimitedError),
    (400, "too long", {"metadata": {"error_type": "context_length_exceeded"}}, e.ContextOverflowError),
    (502, "Provider returned error", {"metadata": {"raw": "x"}}, e.ServerError),
    (529, "Provider returned error", {}, e.ServerError),
]


@pytest.mark.parametrize(("status", "message", "more", "error"), OPENROUTER)
def test_openrouters(status: int, message: str, more: dict[str, object], error: type[e.MoongateError]) -> None:
    found = _error(status, _openrouter(status, message, **more), ROWS["openrouter"], model=K26)
    assert type(found) is error


def _aimlapi(status: int, message: str) -> dict[str, Any]:
    return {"requestId": "r", "statusCode": status, "timestamp": "t", "path": "/v1", "message": message}


AIMLAPI = [
    (401, "This request requires a valid API key.", e.AuthenticationError),
    (403, "You've run out of credits. Please top up your balance", e.InsufficientBalanceError),
    (403, "Forbidden resource", e.PermissionDeniedError),
    (404, "No endpoints found for moonshot/kimi-k2-6.", e.ModelNotPermittedError),
    (429, "Too Many Requests", e.RateLimitedError),
    (400, "Body validation error", e.BadRequestError),
    (
        400,
        "Body validation error: Invalid enum value. Expected 'a' | 'b', received 'moonshot/kimi-k2-6'",
        e.ModelNotPermittedError,
    ),
    (400, "Invalid enum value. Expected 'a' | 'b', received 'warm'", e.BadRequestError),
    (504, "Generation timeout", e.ServerError),
    (500, "400 Unable to access model moonshot/kimi-k2-6. ", e.ModelNotPermittedError),
    (500, "The model is under maintenance, please contact us", e.ServerError),
]


@pytest.mark.parametrize(("status", "message", "error"), AIMLAPI)
def test_aimlapis_flat_ones(status: int, message: str, error: type[e.MoongateError]) -> None:
    found = _error(status, _aimlapi(status, message), ROWS["aimlapi"], model="moonshot/kimi-k2-6")
    assert type(found) is error and found.provider_message == message.strip()


def test_a_failed_model_at_openrouter_says_what_else_there_is_and_whether_to_try_again() -> None:
    said = _availability("temporarily_unavailable")["availability"] | {"retryable": True, "retry_after": 4}
    body = {"error": {"error_type": "provider_unavailable", "http_status": 503, "message": "m", "availability": said}}
    found = _error(503, body, ROWS["openrouter"], model=K26)
    assert type(found) is e.ServerError
    assert (found.retryable, found.suggestions) == (True, ("y",))
    gone = _error(404, _openrouter(404, "gone", **_availability("model_deprecated")), ROWS["openrouter"], model=K26)
    assert (gone.retryable, gone.suggestions) == (False, ("y",))
    full = _openrouter(429, "full", availability={"code": "capacity_exhausted", "retry_after": 4})
    busy = _error(429, full, ROWS["openrouter"], model=K26)
    assert isinstance(busy, e.RateLimitedError) and (busy.retry_after_s, busy.retryable) == (4.0, None)


def test_a_status_code_may_be_a_text() -> None:
    body = {"requestId": "r", "statusCode": "403", "message": "You've run out of credits. Please top up"}
    assert type(_error(403, body, ROWS["aimlapi"])) is e.InsufficientBalanceError


def test_openai_shaped_ones() -> None:
    row = ROWS["local"]
    missing = {"error": {"message": "The model `x` does not exist or you do not have access to it.", "code": "?"}}
    assert type(_error(404, missing, row, model="x")) is e.ModelNotPermittedError
    quota = {
        "error": {"message": "You exceeded your current quota, please check your plan", "type": "insufficient_quota"}
    }
    assert type(_error(429, quota, row)) is e.InsufficientBalanceError


@pytest.mark.parametrize(
    ("row", "advice"),
    [("moonshot", "-p moonshot-cn"), ("moonshot-cn", "-p moonshot "), ("openrouter", "openrouter.ai/settings/keys")],
)
def test_a_401_says_where_to_look(row: str, advice: str) -> None:
    assert advice in _error(401, _moonshot("", "Invalid Authentication"), ROWS[row]).advice


def test_a_key_of_any_form_is_taken_out_even_where_the_text_is_cut() -> None:
    key = "b747e891847f4c3fa0f6cce1cfd79bf9"  # AIMLAPI's keys have no prefix
    for text in (f"bad key {key}", "x" * 290 + key):
        body = json.dumps({"error": {"message": text}}).encode()
        found = error_from(Reply(status=401, body=body), ROWS["aimlapi"], secrets=(key,))
        assert key[:8] not in f"{found} {found.provider_message}"


def test_control_sequences_of_a_provider_are_taken_out() -> None:
    found = _error(400, _moonshot(INVALID, "a\x1b]0;owned\x07b\x9b2J\nc"))
    assert found.provider_message == "ab c" and "\x1b" not in str(found)


@pytest.mark.parametrize(
    ("location", "told"),
    [("https://evil.example/x", "evil.example"), ("/login", "another address"), ("http://[", "another address"),
     ("https://u:pa55@evil.example/", "evil.example")],
)  # fmt: skip
def test_a_redirect_is_told_not_followed(location: str, told: str) -> None:
    found = _error(307, b"", location=location)
    assert type(found) is e.BaseUrlError and told in str(found) and "pa55" not in str(found)


def test_errors_inside_a_stream() -> None:
    event = _openrouter(429, "Rate limit exceeded")
    assert type(error_in_event(event, ROWS["openrouter"])) is e.RateLimitedError
    money = _moonshot(QUOTA, f"{ACCOUNT} is suspended due to insufficient balance")
    found = error_in_event(money, MOONSHOT)
    assert type(found) is e.InsufficientBalanceError and ORG not in str(found)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("invalid_request_error", e.BadRequestError),
        ("content_filter", e.ContentFilterError),
        ("rate_limit_reached_error", e.RateLimitedError),
        ("invalid_authentication_error", e.AuthenticationError),
        ("server_error", e.ServerError),
        ("", e.ServerError),
        ("context_length_exceeded", e.ContextOverflowError),
        ("content_policy_violation", e.ContentFilterError),
        ("payment_required", e.InsufficientBalanceError),
        ("rate_limit_exceeded", e.RateLimitedError),
        ("timeout", e.TimedOutError),
        ("provider_unavailable", e.ServerError),
    ],
)
def test_inside_a_stream_a_type_stands_for_the_status(kind: str, error: type[e.MoongateError]) -> None:
    for event in ({"error": {"message": "m", "type": kind}}, {"error": {"message": "m", "error_type": kind}}):
        assert type(error_in_event(event, MOONSHOT, model="kimi-k2.6")) is error


def test_what_broke_off_is_never_called_safe_to_repeat() -> None:
    said = {"code": "temporarily_unavailable", "retryable": True}
    assert error_in_event({"error": {"message": "m", "availability": said}}, ROWS["openrouter"]).retryable is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":NaN}'])
def test_what_is_not_json_is_named(body: bytes) -> None:
    with pytest.raises(e.NotJsonError, match=r"^The list is not JSON but"):
        decode(body, what="The list")
