"""Errors in Moonshot's envelope; nothing about the gateway's own account goes to its callers."""

from __future__ import annotations

import json

import pytest

from moongate import errors
from moongate.facts.providers import built_in
from moongate.gateway import replies
from moongate.wire.replies import Reply, error_from

ROW = built_in()["moonshot"]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.ModelRefusedError("no"), 404, "resource_not_found_error"),
        (errors.ModelNotPermittedError("no"), 404, "resource_not_found_error"),
        (errors.RequestRefusedError("no"), 400, "invalid_request_error"),
        (errors.BadRequestError("no"), 400, "invalid_request_error"),
        (errors.ContentFilterError("no"), 400, "content_filter"),
        (errors.AuthenticationError("no"), 503, "server_unavailable"),
        (errors.WrongRegionError("no"), 503, "server_unavailable"),
        (errors.KeyMissingError("no"), 503, "server_unavailable"),
        (errors.StorageError("/a/path"), 503, "server_unavailable"),
        (errors.NotOfferedError("no"), 403, "permission_denied_error"),
        (errors.PermissionDeniedError("no"), 403, "permission_denied_error"),
        (errors.InsufficientBalanceError("no"), 429, "exceeded_current_quota_error"),
        (errors.RateLimitedError("no"), 429, "rate_limit_reached_error"),
        (errors.OverloadedError("no"), 429, "engine_overloaded_error"),
        (errors.ServerError("no"), 500, "server_error"),
        (errors.ServerError("no", status=503), 503, "server_unavailable"),
        (errors.TimedOutError("no"), 504, "server_error"),
        (errors.UnreachableError("no"), 503, "server_unavailable"),
        (errors.ListUnavailableError("no"), 503, "server_unavailable"),
        (errors.EngineError("no"), 503, "server_unavailable"),
        (errors.NotJsonError("no"), 502, "unexpected_output"),
        (errors.TooLargeError("no"), 502, "unexpected_output"),
        (errors.BrokenStreamError("no"), 502, "unexpected_output"),
    ],
)
def test_every_kind_has_its_status_and_type(error: errors.MoongateError, status: int, kind: str) -> None:
    refusal = replies.refusal_from(error, ROW, model="m")
    assert (refusal.status, refusal.type, refusal.code) == (status, kind, error.kind)
    body = json.loads(refusal.body)["error"]
    assert set(body) == {"message", "type", "code", "param", "suggestions"}
    assert "/a/path" not in body["message"]


def test_the_wait_is_passed_on_rounded_up() -> None:
    refusal = replies.refusal_from(errors.RateLimitedError("no", retry_after_s=1.2, scope="rpm"), ROW)
    assert refusal.headers == {"retry-after": "2"}
    assert refusal.message == "request reached organization max RPM, please try again after 2 seconds"
    assert replies.refusal_from(errors.RateLimitedError("no"), ROW).headers == {}


def test_a_refused_id_carries_the_reason_and_the_nearest_ids() -> None:
    error = errors.ModelRefusedError("It is not listed.", advice="Use 'a'.", suggestions=("a",))
    refusal = replies.refusal_from(error, ROW, model="b\x1b[31m")
    assert refusal.message == "Not found the model b or Permission denied. It is not listed. Use 'a'."
    assert (refusal.suggestions, refusal.param) == (("a",), "model")


def test_llama_cpps_overflow_is_worded_as_moonshots() -> None:
    body = {
        "error": {
            "code": 400,
            "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 5007,
            "n_ctx": 2048,
        }
    }
    reply = Reply(status=400, body=json.dumps(body).encode())
    error = replies.with_overflow(error_from(reply, built_in()["local"], model="m"), reply)
    assert replies.refusal_from(error, ROW).message == (
        "Invalid request: Your request exceeded model token limit: 2048 (requested: 5007)"
    )
