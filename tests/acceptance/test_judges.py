"""Verdicts from replies: what confirms, what refutes, and what settles nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from moongate.acceptance import judges
from moongate.acceptance.judges import Judge, Seen
from moongate.wire.replies import Reply

PAGE = Reply(status=403, headers={"content-type": "text/html"}, body=b"<html>no</html>")


def _seen(payload: Any, status: int = 200) -> Seen:
    return judges.seen(Reply(status=status, body=msgspec.json.encode(payload)))


@pytest.mark.parametrize("judge", [judges.unauthorized("x"), judges.no_route, judges.unknown_model])
def test_a_page_of_somebody_else_settles_nothing(judge: Judge) -> None:
    assert judge([judges.seen(PAGE)])[0] == "open"


def test_a_short_word_is_not_found_inside_another() -> None:
    other = _seen({"error": {"message": "something strange"}}, 400)
    assert judges.refused("n")([other])[0] == "open"
    named = _seen({"error": {"message": "invalid n: only 1 is allowed for this model"}}, 400)
    assert judges.refused("n")([named])[0] == "confirmed"


@pytest.mark.parametrize(
    ("available", "voucher", "cash", "status"),
    [
        (49.58894, 46.58893, 3.00001, "confirmed"),
        (1.5, 1.5, -2.0, "confirmed"),
        (0.0, 1.5, -1.5, "refuted"),
        ("1", "1", "0", "refuted"),
    ],
)
def test_balance(available: Any, voucher: Any, cash: Any, status: str) -> None:
    data = {"available_balance": available, "voucher_balance": voucher, "cash_balance": cash}
    found, detail = judges.balance_shape([_seen({"data": data})])
    assert found == status
    assert "49" not in detail


@pytest.mark.parametrize(("used", "finish", "status"), [(8, "length", "confirmed"), (9, "stop", "refuted")])
def test_a_limit_is_kept_or_not(used: int, finish: str, status: str) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": used}
    reply = _seen({"choices": [{"finish_reason": finish}], "usage": usage})
    assert judges.length_kept(8)([reply])[0] == status


def test_an_answer_that_ends_by_itself_does_not_show_a_limit() -> None:
    reply = _seen({"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})
    assert judges.length_kept(8)([reply])[0] == "open"
