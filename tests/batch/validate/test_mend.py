"""What can be made right is, and said; nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moongate.batch.validate import Checks

Check = Callable[..., Any]


def test_what_is_put_right(check: Check, line: Any, text: Any) -> None:
    content = b"\xef\xbb\xbf" + text(
        {"custom_id": 7, "body": line()["body"]},
        b"",
        {**line("b", model="fast", temperature=0.2, n=1), "method": "post"},
        {**line(max_tokens=400), "custom_id": None},
    ).replace(b"\n", b"\r\n")
    found = check(content, fix=True)
    assert found.report.ok and found.faults == []
    assert found.report.fixed == 1 + 1 + 4 + 1  # a line that cannot be read has one fault
    lines = [json.loads(one) for one in found.corrected.splitlines()]
    assert [one["custom_id"] for one in lines] == ["7", "b", "line-4"]
    assert lines[1] == {**line("b"), "body": {**line("b")["body"]}}
    assert [change.line for change in found.changes] == [1, 1, 1, 1, 3, 3, 3, 3, 4, 2]
    told = " ".join(change.message for change in found.changes)
    for part in (
        "byte order mark",
        "custom_id = '7', before: 7",
        "model = 'kimi-k2.6', before: 'fast'",
        "temperature was",
    ):
        assert part in told
    assert b"\r" not in found.corrected


def test_rules_mend_what_they_can_elsewhere(check: Check, line: Any, text: Any, elsewhere: Checks) -> None:
    found = check(text(line("a", temperature=0.2, max_tokens=10**9)), elsewhere, fix=True)
    assert found.report.ok and "temperature" not in found.corrected.decode()
    assert json.loads(found.corrected)["body"]["max_tokens"] < 262_144


def test_what_is_left(check: Check, line: Any, text: Any) -> None:
    content = text(line("a"), line("a"), b"{", line("b", model="nope", temperature=1), line("c", n=2, stop=["x"] * 6))
    found = check(content, fix=True)
    assert found.kinds() == [(3, "json"), (4, "model"), (5, "stop-count"), (2, "duplicate_id")]
    lines = found.corrected.split(b"\n")
    assert lines[:3] == content.split(b"\n")[:3]
    assert lines[3] == content.split(b"\n")[3] and b'"n"' not in lines[4]


def test_good_lines_are_copied_as_they_are(check: Check, line: Any, text: Any) -> None:
    content = text(*(json.dumps(line(str(n))).replace(", ", " ,  ").encode() for n in range(300)))
    found = check(content + b"\n" + text(line("x", top_p=1)), fix=True)
    assert found.corrected.startswith(content) and found.report.fixed == 2
