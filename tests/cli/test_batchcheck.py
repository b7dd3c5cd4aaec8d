"""`moongate batch validate` at the offline server: what people and programs are told, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def line(custom_id: str, **body: Any) -> str:
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], **body}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text(line("a") + line("b", temperature=0.2) + "{\n" + line("a") + line("c", model="kimi-k2-6"))
    return path


def test_what_people_are_told(moongate, server, file) -> None:
    ran = moongate("batch", "validate", str(file))
    assert ran.code == 2
    shown = ran.out.splitlines()
    assert shown[0].startswith("line 2: error: 'kimi-k2.6' at your Moonshot endpoint does not take temperature = 0.2")
    assert shown[0].endswith("[--fix leaves it out]")
    assert shown[1].startswith("line 3: error: it is not JSON")
    assert "does not list 'kimi-k2-6'" in shown[2] and "Nearest: kimi-k2.6" in shown[2]
    assert shown[3] == "line 4: error: its custom_id 'a' is that of line 1 too"
    assert f"{file} cannot be sent: 4 errors, 0 warnings in 5 requests for kimi-k2.6" in shown
    assert "answers: 4 requests set no limit of tokens" in shown
    assert server.count("POST") == 0


def test_what_programs_are_told(moongate, server, file, tmp_path) -> None:
    ran = moongate("batch", "validate", str(file), "--json", "--report", str(tmp_path / "report"))
    assert ran.code == 2
    said = ran.json
    assert (said["ok"], said["provider"], said["for"], said["requests"], said["parts"]) == (
        False,
        "moonshot",
        "batch",
        5,
        1,
    )
    assert (said["errors"], said["warnings"], said["fixed"], said["left_out"]) == (4, 0, 0, 0)
    assert said["models"] == {"kimi-k2.6": 3}
    assert said["kinds"] == {"batch-sampling": 1, "json": 1, "model": 1, "duplicate_id": 1}
    assert [(fault["line"], fault["kind"]) for fault in said["faults"]] == [
        (2, "parameter"),
        (3, "json"),
        (5, "model"),
        (4, "duplicate_id"),
    ]
    assert said["estimate"]["prompt_tokens"] > 0 and said["estimate"]["prompt_cost"] is None  # no price known here
    assert [json.loads(one) for one in (tmp_path / "report").read_text().splitlines()] == said["faults"]


def test_a_corrected_file(moongate, server, tmp_path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(line("a", temperature=0.2) + "\n" + line("b", model="moonshot/kimi-k2.6"))
    ran = moongate("batch", "validate", str(path), "--fix", str(path))
    assert ran.code == 0, ran.out
    assert "line 1: changed: temperature was left out" in ran.out and f"saved {path}: 3 faults fewer" in ran.out
    assert path.read_text().count("\n") == 2 and "temperature" not in path.read_text()
    again = moongate("batch", "validate", str(path))
    assert again.code == 0 and "can be sent: 0 errors, 0 warnings in 2 requests" in again.out


def test_for_ordinary_chats(moongate, server, tmp_path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(line("a", temperature=1))
    assert moongate("batch", "validate", str(path)).code == 2
    assert moongate("batch", "validate", str(path), "--for-run").code == 0
    path.write_text(line("a", temperature=0.2))
    assert moongate("batch", "validate", str(path), "--for-run").code == 2
    assert moongate("batch", "validate", str(path), "--rules", "pass").code == 0


def test_many_faults_are_counted(moongate, server, tmp_path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(line(str(n), max_tokens=9) for n in range(100)) + "{\n" * 5)
    ran = moongate("batch", "validate", str(path))
    assert len(ran.out.splitlines()) < 30
    assert "… and 85 more: short-answer 100, json 5; every one with --report PATH" in ran.out
    assert len(moongate("batch", "validate", str(path), "--json").json["faults"]) == 105


def test_rows_and_a_template(moongate, server, tmp_path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,lang\nyes,en\nno,de\n")
    (tmp_path / "prompt").write_text("Say {text}.")
    made = str(tmp_path / "out.jsonl")
    flags = (
        "--template",
        f"@{tmp_path}/prompt",
        "--system",
        "Speak {lang}.",
        "--body",
        '{"max_tokens": 400}',
        "--fix",
        made,
    )
    ran = moongate("batch", "validate", str(path), "-m", "moonshot/kimi-k2.6", *flags)
    assert ran.code == 0, ran.err
    lines = [json.loads(one) for one in Path(made).read_text().splitlines()]
    assert [one["custom_id"] for one in lines] == ["row-1", "row-2"]
    assert lines[1]["body"] == {
        "model": "kimi-k2.6",
        "messages": [{"role": "system", "content": "Speak de."}, {"role": "user", "content": "Say no."}],
        "max_tokens": 400,
    }


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "is a table"),
        (("--template", "{txt}"), "Line 2: There is no column 'txt'"),
        (("--template", "{"), "names no column"),
        (("--template", "@nowhere"), "'nowhere' cannot be read"),
        (("--template", "x", "--body", "[]"), "no JSON object"),
        (("--template", "x", "--body", '{"model": "y"}'), "may not set 'model'"),
        (("--template", "x", "-m", "kimi-k2-6"), "does not list"),
    ],
)
def test_wrong_usage_with_rows(moongate, server, tmp_path, flags, says) -> None:
    (tmp_path / "in.csv").write_text("text\nyes\n")
    ran = moongate("batch", "validate", str(tmp_path / "in.csv"), *flags)
    assert ran.code == (1 if "list" in says else 2) and says in ran.err


def test_wrong_usage(moongate, server, tmp_path) -> None:
    assert "cannot be read" in moongate("batch", "validate", str(tmp_path / "none")).err
    (tmp_path / "in.jsonl").write_text(line("a"))
    ran = moongate("batch", "validate", str(tmp_path / "in.jsonl"), "--system", "x")
    assert ran.code == 2 and "--system is for rows" in ran.err
    ran = moongate("batch", "validate", str(tmp_path / "in.jsonl"), "--fix", str(tmp_path / "no" / "out"))
    assert ran.code == 2 and "cannot be written" in ran.err


def test_without_a_list_nothing_is_said_to_be_fine(moongate, server, tmp_path) -> None:
    (tmp_path / "in.jsonl").write_text(line("a"))
    server.close()
    assert moongate("batch", "validate", str(tmp_path / "in.jsonl")).code == 4
