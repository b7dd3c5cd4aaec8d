from __future__ import annotations

import pytest

from moongate.wire.faults import Fault, fault_in


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"error": None}, {"message": "fine"}, {"data": []}])
def test_what_is_no_error_gives_an_empty_fault(payload: object) -> None:
    assert not fault_in(payload).envelope


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (
            {"error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}},
            Fault(message="Invalid Authentication", type="invalid_authentication_error", envelope=True),
        ),
        (
            {"code": 5, "error": "url.not_found", "message": "m", "scode": "0x5", "status": False},
            Fault(message="m", code="url.not_found", route=True, envelope=True),
        ),
        ({"error": {"code": 402, "message": "m"}, "user_id": "u"}, Fault(message="m", code="402", envelope=True)),
        (
            {"error": {"error_type": "timeout", "http_status": 408, "message": "m"}},
            Fault(message="m", type="timeout", code="408", envelope=True),
        ),
        ({"statusCode": "401", "message": "m", "requestId": "r"}, Fault(message="m", envelope=True)),
        ({"detail": "m", "status": 404}, Fault(message="m", envelope=True)),
    ],
)
def test_every_envelope(payload: object, fault: Fault) -> None:
    assert fault_in(payload) == fault


def test_availability_is_read_and_bounded() -> None:
    said = {
        "code": "no_endpoints",
        "retryable": True,
        "retry_after": 1e9,
        "fallback_models": ["a\x1b[2J", 7] + ["b"] * 99,
    }
    fault = fault_in({"error": {"message": "m", "code": 404, "availability": said}})
    assert (fault.code, fault.retryable, fault.retry_after_s) == ("no_endpoints", True, 3600.0)
    assert fault.instead == ("a", *["b"] * 10)


@pytest.mark.parametrize("wait", [None, "4", True, -1, float("nan"), []])
def test_what_is_no_wait_is_none(wait: object) -> None:
    odd = {"retry_after": wait, "retryable": "yes", "fallback_models": {"a": 1}}
    fault = fault_in({"error": {"message": "m", "availability": odd}})
    assert (fault.retry_after_s, fault.retryable, fault.instead) == (None, None, ())
