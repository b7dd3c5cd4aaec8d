"""Rows of a table worked off, and their answers beside them again."""

from __future__ import annotations

import csv
import json

import pytest


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('text,lang\n"yes, ""yes""",en\nno,de\n')
    return path


@pytest.fixture
def job(moongate, server, table, tmp_path) -> str:
    flags = ("--template", "Say {text} in {lang}.", "-m", "kimi-k2.6", "--json")
    ran = moongate("batch", "run", str(table), "-o", str(tmp_path / "out.jsonl"), *flags)
    assert ran.code == 0, ran.err
    assert (ran.json["total"], ran.json["completed"]) == (2, 2)
    asked = [request.json()["messages"] for request in server.requests if request.method == "POST"]
    assert sorted(messages[0]["content"] for messages in asked) == ["Say no in de.", 'Say yes, "yes" in en.']
    return str(ran.json["job"])


def test_a_table_of_answers(moongate, job, tmp_path) -> None:
    ran = moongate("batch", "results", job, "-o", str(tmp_path / "out.csv"))
    assert ran.code == 0 and "saved 2 answers" in ran.err, ran.err
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        got = list(csv.DictReader(file))
    assert [(row["text"], row["lang"], row["finish_reason"], row["error"]) for row in got] == [
        ('yes, "yes"', "en", "stop", ""),
        ("no", "de", "stop", ""),
    ]
    assert all(row["answer"] for row in got)


def test_json_lines_with_their_rows(moongate, job, tmp_path) -> None:
    assert moongate("batch", "results", job, "-o", str(tmp_path / "out"), "--join").code == 0
    got = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [one["input"]["lang"] for one in got] == ["en", "de"]
    assert [one["custom_id"] for one in got] == ["row-1", "row-2"]


def test_rows_that_changed_are_not_joined(moongate, job, table, tmp_path) -> None:
    table.write_text("text,lang\na,b\nc,d\ne,f\n")
    ran = moongate("batch", "results", job, "-o", str(tmp_path / "new.csv"))
    assert ran.code == 2 and "has 3 rows, and the job 2 lines" in ran.err
    assert not (tmp_path / "new.csv").exists()


def test_submitted_rows(moongate, server, table) -> None:
    ran = moongate("batch", "submit", str(table), "--template", "Say {text}.", "-m", "kimi-k2.6", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["total"] == 2 and server.count("POST", "/v1/batches") == 1


def test_two_models_are_refused(moongate, server, tmp_path) -> None:
    (tmp_path / "in.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "custom_id": name,
                    "method": "POST",
                    "url": "/v1/chat/completions",
                    "body": {"model": name, "messages": [{"role": "user", "content": "hi"}]},
                }
            )
            + "\n"
            for name in ("kimi-k2.6", "moonshot/kimi-k2.6")
        )
    )
    ran = moongate("batch", "run", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out"))
    assert ran.code == 2 and "not the listed id" in ran.err
