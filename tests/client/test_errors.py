"""What a client does with every error that providers are known to answer: its kind, and whether it asks again.

One row per answer, at both regions, Kimi Code, OpenRouter and AIMLAPI. Where the text asks to wait, a Retry-After of
nothing stands beside it, so that no test waits.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from moongate import Client, MoongateError
from moongate import errors as e
from moongate.testing import Fault, MoonshotServer

ORG, AK = "org-0123456789abcdef", "ak-0123456789abcdef"
ACCOUNT = f"Your account {ORG}<{AK}>"
INVALID, LIMIT, QUOTA, DENIED = (
    "invalid_request_error",
    "rate_limit_reached_error",
    "exceeded_current_quota_error",
    "permission_denied_error",
)
ONCE, THRICE = 1, 3  # how often it is sent while the answer stays the same

# status, type, message, error, times sent
PLATFORM: list[tuple[int, str, str, type[MoongateError], int]] = [
    (400, "content_filter", "The request was rejected because it was considered high risk", e.ContentFilterError,
     ONCE),
    (400, INVALID, "Invalid request: messages must not be empty", e.BadRequestError, ONCE),
    (400, INVALID, "Input token length too long", e.ContextOverflowError, ONCE),
    (400, INVALID, "Invalid request: Your request exceeded model token limit: 262144 (requested: 274613)",
     e.ContextOverflowError, ONCE),
    (400, INVALID, "File size is zero, please confirm and re-upload the file", e.BadRequestError, ONCE),
    (400, INVALID, "the message at position 105 with role 'assistant' must not be empty", e.BadRequestError, ONCE),
    (401, "invalid_authentication_error", "Invalid Authentication", e.AuthenticationError, ONCE),
    (401, "incorrect_api_key_error", "Incorrect API key provided", e.AuthenticationError, ONCE),
    (403, DENIED, "The API you are accessing is not open", e.PermissionDeniedError, ONCE),
    (403, DENIED, "You are not allowed to get other user info", e.PermissionDeniedError, ONCE),
    (403, DENIED, "Your IP is not allowed to access this organization", e.PermissionDeniedError, ONCE),
    (404, "resource_not_found_error", "Not found the model kimi-k2.6 or Permission denied", e.ModelNotPermittedError,
     ONCE),
    (408, "timeout", "Request timeout", e.TimedOutError, ONCE),  # the platform may go on, and charge
    (413, INVALID, "Request exceeds the maximum size", e.BadRequestError, ONCE),
    (429, "engine_overloaded_error", "The engine is currently overloaded, please try again later", e.OverloadedError,
     THRICE),
    (429, QUOTA, f"You exceeded your current token quota: <{ORG}> 31275, please check your account balance",
     e.InsufficientBalanceError, ONCE),
    (429, QUOTA, f"{ACCOUNT} is suspended due to insufficient balance, please recharge your account or check your "
     "plan and billing details", e.InsufficientBalanceError, ONCE),
    (429, QUOTA, f"Your account {ORG} <ak-test> is suspended due to insufficient balance, please recharge",
     e.InsufficientBalanceError, ONCE),
    (429, LIMIT, f"{ACCOUNT} request reached organization max concurrency: 50, please try again after 1 seconds",
     e.RateLimitedError, THRICE),
    (429, LIMIT, f"{ACCOUNT} request reached organization max RPM: 30, please try again after 1 seconds",
     e.RateLimitedError, THRICE),
    (429, LIMIT, "request reached user+model max RPM: 50", e.RateLimitedError, THRICE),
    (429, LIMIT, f"{ACCOUNT} request reached organization TPM rate limit, current:200000, limit:2000000",
     e.RateLimitedError, THRICE),
    (429, LIMIT, f"{ACCOUNT} request reached organization TPD rate limit,current:9, limit:8", e.RateLimitedError,
     ONCE),
    (429, LIMIT, "Organization Rate limit exceeded, please try again after 1 seconds", e.RateLimitedError, THRICE),
    (429, LIMIT, "your token quota per minute was exceeded", e.RateLimitedError, THRICE),
    (499, "client_closed_request", "closed", e.BadRequestError, ONCE),
    (500, "server_error", "Failed to extract file: x", e.ServerError, ONCE),
    (500, "unexpected_output", "invalid state transition", e.ServerError, ONCE),
    (503, "server_unavailable", "unavailable", e.ServerError, ONCE),
]  # fmt: skip
CODE: list[tuple[int, str, str, type[MoongateError], int]] = [
    (401, "invalid_authentication_error", "The API Key appears to be invalid or may have expired. Please verify",
     e.AuthenticationError, ONCE),
    (401, "invalid_authentication_error", "Your model id does not exist. Please set model id as 'k3'",
     e.ModelNotPermittedError, ONCE),
    (402, "access_terminated_error", "We're unable to verify your membership benefits at this time.",
     e.InsufficientBalanceError, ONCE),
    (403, "access_terminated_error", "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI",
     e.PermissionDeniedError, ONCE),
    (403, "access_terminated_error", "You've reached your usage limit for this billing cycle. Please upgrade",
     e.InsufficientBalanceError, ONCE),
    (429, LIMIT, "We're receiving too many requests at the moment. Please wait.", e.RateLimitedError, THRICE),
]  # fmt: skip
OPENROUTER: list[tuple[int, str, dict[str, Any], type[MoongateError], int]] = [
    (400, "moonshotai/kimi-k2.6 is not a valid model ID", {}, e.ModelNotPermittedError, ONCE),
    (404, "No endpoints found for moonshotai/kimi-k2.6.", {}, e.ModelNotPermittedError, ONCE),
    (404, "No endpoints found that support tool use. To learn more", {}, e.BadRequestError, ONCE),
    (401, "Missing Authentication header", {}, e.AuthenticationError, ONCE),
    (402, "Insufficient credits. Add more using https://openrouter.ai/credits", {}, e.InsufficientBalanceError, ONCE),
    (402, "wait", {"metadata": {"limit_source": "openrouter_key_limit"}}, e.InsufficientBalanceError, ONCE),
    (402, "wait", {"metadata": {"limit_source": "openrouter_in_flight_budget"}}, e.RateLimitedError, THRICE),
    (403, "Only management keys can perform this operation", {}, e.PermissionDeniedError, ONCE),
    (429, "Rate limit exceeded", {}, e.RateLimitedError, THRICE),
    (502, "Provider returned error", {"metadata": {"raw": "x"}}, e.ServerError, ONCE),
    (529, "Provider returned error", {}, e.ServerError, ONCE),
    (503, "later", {"availability": {"code": "temporarily_unavailable", "retryable": True}}, e.ServerError, THRICE),
    (429, "full", {"availability": {"code": "capacity_exhausted", "retryable": False}}, e.RateLimitedError, ONCE),
    (404, "gone", {"availability": {"code": "model_deprecated", "retryable": False, "fallback_models": ["other/x"]}},
     e.ModelNotPermittedError, ONCE),
]  # fmt: skip
AIMLAPI: list[tuple[int, str, type[MoongateError], int]] = [
    (400, "Body validation error", e.BadRequestError, ONCE),
    (400, "Invalid enum value. Expected 'a' | 'b', received 'moonshot/kimi-k2-6'", e.ModelNotPermittedError, ONCE),
    (401, "This request requires a valid API key. You can create a new API key", e.AuthenticationError, ONCE),
    (403, "You've run out of credits. Please top up your balance or update", e.InsufficientBalanceError, ONCE),
    (403, "Forbidden resource", e.PermissionDeniedError, ONCE),  # a key may be limited to some endpoints
    (404, "No endpoints found for moonshot/kimi-k2-6.", e.ModelNotPermittedError, ONCE),
    (429, "Too Many Requests", e.RateLimitedError, THRICE),
    (500, "The model is under maintenance, please contact us at help@aimlapi.com.", e.ServerError, ONCE),
    (504, "Generation timeout", e.ServerError, ONCE),
]


def _asked(
    server: MoonshotServer, provider: str, model: str, status: int, body: object, *, stream: bool = False
) -> MoongateError:
    """Have every chat answered so, ask once, and return the error."""
    fault = Fault(path="/chat/completions", times=None, status=status, body=body, headers={"retry-after": "0"})
    server.inject(fault)
    with (
        Client(provider, base_url=server.base_url, api_key=server.key) as client,
        pytest.raises(MoongateError) as caught,
    ):
        messages = [{"role": "user", "content": "hi"}]
        if stream:
            list(client.stream(model=model, messages=messages))
        else:
            client.chat(model=model, messages=messages)
    error = caught.value
    told = f"{error} {error.provider_message} {json.dumps(error.suggestions)}"
    assert not any(secret in told for secret in (server.key, ORG, AK, "ak-test"))
    return error


@pytest.mark.parametrize("region", ["ai", "cn"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "kind", "message", "error", "times"), PLATFORM)
def test_the_platform(
    region: Any, stream: bool, status: int, kind: str, message: str, error: type[MoongateError], times: int
) -> None:
    body = {"error": {"message": message, "type": kind}}
    with MoonshotServer(models=["kimi-k2.6"], region=region) as server:
        provider = "moonshot" if region == "ai" else "moonshot-cn"
        found = _asked(server, provider, "kimi-k2.6", status, body, stream=stream)
        assert (type(found), server.count("POST")) == (error, times)
    assert found.status == status and message[:25].split("org-")[0] in (found.provider_message or "")


@pytest.mark.parametrize(("status", "kind", "message", "error", "times"), CODE)
def test_kimi_code(status: int, kind: str, message: str, error: type[MoongateError], times: int) -> None:
    body = {"error": {"message": message, "type": kind}}
    with MoonshotServer(product="code") as server:
        found = _asked(server, "kimi-code", "kimi-for-coding", status, body)
        assert (type(found), server.count("POST"), found.provider_message) == (error, times, message)


@pytest.mark.parametrize(("status", "message", "more", "error", "times"), OPENROUTER)
def test_openrouter(status: int, message: str, more: dict[str, Any], error: type[MoongateError], times: int) -> None:
    body = {"error": {"code": status, "message": message, **more}, "user_id": "user_1"}
    with MoonshotServer(dialect="openrouter") as server:
        found = _asked(server, "openrouter", "moonshotai/kimi-k2.6", status, body)
        assert (type(found), server.count("POST"), found.provider_message) == (error, times, message)
        posted = {request.json()["model"] for request in server.requests if request.method == "POST"}
    assert posted == {"moonshotai/kimi-k2.6"}  # models that it offers instead are told, never asked
    assert found.suggestions == tuple(more.get("availability", {}).get("fallback_models", ()))


@pytest.mark.parametrize(("status", "message", "error", "times"), AIMLAPI)
@pytest.mark.parametrize("as_text", [False, True])
def test_aimlapi(as_text: bool, status: int, message: str, error: type[MoongateError], times: int) -> None:
    said = str(status) if as_text else status
    body = {
        "requestId": "r",
        "statusCode": said,
        "timestamp": "t",
        "path": "/v1/chat/completions",
        "message": message,
    }
    with MoonshotServer(dialect="aimlapi") as server:
        found = _asked(server, "aimlapi", "moonshot/kimi-k2-6", status, body)
        assert (type(found), server.count("POST"), found.provider_message) == (error, times, message)


def test_both_envelopes_of_404_and_the_page_of_504() -> None:
    route = {"code": 5, "error": "url.not_found", "message": "没找到对象", "scode": "0x5", "status": False}
    page = b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n</html>"
    for status, body, error in ((404, route, e.UnknownRouteError), (504, page, e.ServerError)):
        with MoonshotServer(models=["kimi-k2.6"]) as server:
            found = _asked(server, "moonshot", "kimi-k2.6", status, body)
            assert (type(found), server.count("POST")) == (error, ONCE)
            assert "<" not in str(found)
