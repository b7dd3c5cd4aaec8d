"""Answers come out in the order of the input, each beside its row, whatever became of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.results import format_of, joined, result_of, write
from moongate.errors import UsageError
from moongate.facts.models import Model
from moongate.facts.providers import built_in
from moongate.ledger.price import price_of

ROWS = [{"text": "a", "n": 1}, {"text": "b", "answer": "mine"}, {"text": "c"}, {"text": 'd\n"x"'}]


def good(name: str, content: str | None = "yes", **usage: Any) -> bytes:
    body = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 10, **usage},
    }
    return line(name, {"status_code": 200, "request_id": "", "body": body})


def line(name: str, response: Any, error: Any = None) -> bytes:
    return json.dumps({"id": name, "custom_id": name, "response": response, "error": error}).encode() + b"\n"


RESULTS = [
    (0, good("row-1", "one", cached_tokens=20)),
    (
        1,
        line(
            "row-2", {"status_code": 429, "request_id": "", "body": {"error": {"type": "overloaded", "message": "m"}}}
        ),
    ),
    (3, line("row-4", None, {"code": "timed_out", "message": "too late"})),
]


def rows() -> Iterable[Mapping[str, Any]]:
    return iter(ROWS)


def test_json_lines_keep_everything(tmp_path: Path) -> None:
    summary = write(tmp_path / "out.jsonl", rows, RESULTS, format="jsonl")
    got = [json.loads(one) for one in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [one["input"] for one in got] == ROWS
    assert got[0]["response"]["body"]["choices"][0]["message"]["content"] == "one"
    assert got[2]["response"] is None and got[2]["error"]["code"] == "no_result"
    assert (summary.rows, summary.answered, summary.failed, summary.missing) == (4, 1, 2, 1)
    assert summary.kinds == {"overloaded": 1, "timed_out": 1}
    assert (summary.prompt_tokens, summary.completion_tokens, summary.cached_tokens) == (30, 10, 20)
    assert summary.cost is None


def test_lines_of_a_batch_file_are_left_as_they_are(tmp_path: Path) -> None:
    names = [{"custom_id": f"row-{number}"} for number in range(1, 5)]
    write(tmp_path / "out", lambda: names, RESULTS, format="jsonl")
    got = (tmp_path / "out").read_bytes().splitlines(keepends=True)
    assert [got[0], got[1], got[3]] == [result for _, result in RESULTS]
    assert json.loads(got[2])["custom_id"] == "row-3"


def test_a_table(tmp_path: Path) -> None:
    price = price_of(Model(id="kimi-k2.6"), built_in()["moonshot"])
    summary = write(tmp_path / "out.csv", rows, RESULTS, format="csv", price=price)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        got = list(csv.DictReader(file))
    assert list(got[0]) == [
        "text",
        "n",
        "answer",
        "model_answer",
        "finish_reason",
        "error",
        "prompt_tokens",
        "completion_tokens",
    ]
    assert [one["text"] for one in got] == ["a", "b", "c", 'd\n"x"']
    assert [one["model_answer"] for one in got] == ["one", "", "", ""]
    assert [one["error"] for one in got] == ["", "overloaded: m", "no_result", "timed_out: too late"]
    assert got[1]["answer"] == "mine" and got[0]["prompt_tokens"] == "30"
    assert str(summary.cost) == "0.0000527 USD" and summary.basis is not None


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (good("a"), ""),
        (good("a", None), ""),
        (b"{", "unreadable"),
        (b'{"custom_id": "a"}', "unreadable"),
        (line("a", {"status_code": 200, "body": {"choices": []}}), "200"),
        (line("a", {"status_code": 500, "body": "oops"}), "unreadable"),
        (line("a", {"status_code": 400, "body": {"error": {"code": 7, "message": None}}}), "7"),
        (line("a", {"status_code": 200, "body": {"error": {"type": "x"}}}), "x"),
    ],
)
def test_what_a_line_says(raw: bytes, kind: str) -> None:
    assert result_of(raw).kind == kind


@pytest.mark.parametrize(
    ("path", "asked", "format_"),
    [("a.csv", None, "csv"), ("a.jsonl", None, "jsonl"), ("a", "csv", "csv"), ("a", None, "jsonl")],
)
def test_formats(path: str, asked: str | None, format_: str) -> None:
    assert format_of(path, asked) == format_
    with pytest.raises(UsageError):
        format_of(path, "xml")


@given(st.sets(st.integers(0, 20)), st.integers(0, 20))
def test_rows_and_results_meet(indexes: set[int], count: int) -> None:
    results = [(index, str(index).encode()) for index in sorted(indexes)]
    table = [{"n": number} for number in range(count)]
    if indexes and max(indexes) >= count:
        with pytest.raises(UsageError, match="no such row"):
            list(joined(table, results))
    else:
        assert [(row["n"], found) for row, found in joined(table, results)] == [
            (number, str(number).encode() if number in indexes else None) for number in range(count)
        ]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("before")
    with pytest.raises(UsageError):
        write(tmp_path / "out.csv", lambda: ROWS[:1], RESULTS, format="csv")
    assert (tmp_path / "out.csv").read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"home", "out.csv"}
