"""Rows of real files, and what a program hands over, become the lines that were meant."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.batch import input as batch_input
from moongate.batch.input import Recipe, Row, lines, lines_of, rows
from moongate.errors import UsageError
from moongate.store.atomic import write_lines

RECIPE = Recipe(model="kimi-k2.6", template="Translate {text}.", system="Into {lang}.", parameters={"max_tokens": 9})


def values(path: Path) -> list[dict[str, Any]]:
    return [dict(row.values) for row in rows(path)]


def made(content: bytes, path: Path, recipe: Recipe = RECIPE) -> list[Any]:
    path.write_bytes(content)
    return [json.loads(line) for line in lines(rows(path), recipe)]


def test_a_table(tmp_path: Path) -> None:
    content = 'text,lang,note\r\n"a, ""b""\nc",en,\r\n\r\n晚上好,zh,x\r\n'
    first, second = made(b"\xef\xbb\xbf" + content.encode(), tmp_path / "in.csv")
    assert first == {
        "custom_id": "row-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "kimi-k2.6",
            "messages": [
                {"role": "system", "content": "Into en."},
                {"role": "user", "content": 'Translate a, "b"\nc.'},
            ],
            "max_tokens": 9,
        },
    }
    assert second["custom_id"] == "row-2" and second["body"]["messages"][1]["content"] == "Translate 晚上好."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.tsv", b"text\tlang\na,b\ten\n"),
        ("in.csv", b'text;lang\n"a,b";en'),
        ("in.csv", b'"text",lang\r"a,b",en\n'.replace(b"\r", b"\n")),
        ("in.jsonl", b'\n{"text": "a,b", "lang": "en"}\n\n'),
        ("in.csv.gz", gzip.compress(b'text,lang\n"a,b",en\n')),
        ("IN.CSV", b'text,lang\n"a,b",en\n'),
    ],
)
def test_kinds_of_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert values(tmp_path / name) == [{"text": "a,b", "lang": "en"}]


CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5), st.sampled_from(",\t"))
def test_every_table_that_can_be_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *table])
    path = tmp_path_factory.getbasetemp() / ("t.tsv" if delimiter == "\t" else "t.csv")
    path.write_bytes(text.getvalue().encode())
    assert values(path) == [{"a": a, "b": b} for a, b in table]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("in.csv", b"text,lang\na,b\nc\n", "Line 3 has 1 cell; the header names 2"),
        ("in.csv", b"text,lang\na,b,c\n", "Line 2 has 3 cells"),
        ("in.csv", b"text,text\n", "names 'text' twice"),
        ("in.csv", b"text,\n", "without a name"),
        ("in.csv", b"text,lang\na,\xff\n", "Line 2 is not UTF-8"),
        ("in.csv", b"text,lang\na,\0\n", "Line 2 holds a NUL"),
        ("in.csv", b'text,lang\n"a,b\nc', "Line 2: unexpected end of data"),
        ("in.jsonl", b'{"text": 1}\n{', "Line 2: it is not JSON"),
        ("in.jsonl", b"[]", "Line 1: it is no JSON object"),
        ("in.jsonl", b'{"a": 1, "a": 2}', "'a' twice"),
    ],
)
def test_what_is_no_row(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as raised:
        values(tmp_path / name)
    assert says in raised.value.message and str(tmp_path / name) in raised.value.message


def test_a_quote_that_is_never_closed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_input, "LONGEST_CELL", 200_000)
    old = csv.field_size_limit(1000)
    try:
        (tmp_path / "in.csv").write_text('a,b\n"' + "x\n" * 300_000)
        with pytest.raises(UsageError, match="Line 2: field larger"):
            values(tmp_path / "in.csv")
    finally:
        csv.field_size_limit(old)


def test_names_of_rows(tmp_path: Path) -> None:
    table = [{"custom_id": "x", "n": 7, "text": "", "lang": ""}, {"n": 8, "text": "", "lang": ""}]
    content = b"".join(json.dumps(row).encode() + b"\n" for row in table)
    by_column = Recipe(model="m", template="{text}", id_column="n")
    assert [one["custom_id"] for one in made(content, tmp_path / "in.jsonl")] == ["x", "row-2"]
    assert [one["custom_id"] for one in made(content, tmp_path / "in.jsonl", by_column)] == ["7", "8"]
    for column, says in (("m", "no column 'm'"), ("text", "'text' is empty")):
        with pytest.raises(UsageError, match=f"Line 1: .*{says}"):
            made(content, tmp_path / "in.jsonl", Recipe(model="m", template="x", id_column=column))


def test_an_unknown_column_names_the_line() -> None:
    with pytest.raises(UsageError, match="Line 5: There is no column 'lang'"):
        list(lines([Row(5, {"text": "x"})], RECIPE))
    with pytest.raises(UsageError, match="need a template"):
        list(lines([Row(1, {"text": "x"})], Recipe(model="m")))


def test_what_a_program_hands_over() -> None:
    whole = {"custom_id": "mine", "body": {"model": "x", "messages": []}}
    items = [
        "hi",
        {"messages": [{"role": "user", "content": "yo"}], "custom_id": "b", "n": 1},
        whole,
        {"text": "t", "lang": "l"},
    ]
    recipe = Recipe(model="kimi-k2.6", template="Translate {text}.", system="Be brief.", parameters={"max_tokens": 9})
    got = [json.loads(line) for line in lines_of(iter(items), recipe)]
    assert [message["content"] for message in got[0]["body"]["messages"]] == ["Be brief.", "hi"]
    assert [one["custom_id"] for one in got] == ["row-1", "b", "mine", "row-4"]
    assert got[1]["body"] == {
        "model": "kimi-k2.6",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "yo"}],
        "n": 1,
    }
    assert got[2] == {**whole, "method": "POST", "url": "/v1/chat/completions"}
    assert got[3]["body"]["messages"][1]["content"] == "Translate t."


@pytest.mark.parametrize("item", [5, None, b"hi", {"text": 1}, {"messages": [object()]}])
def test_what_is_no_item(item: Any) -> None:
    with pytest.raises(UsageError, match="Item 2: "):
        list(lines_of([{"messages": []}, item], RECIPE))


def test_lines_are_written_as_they_come(tmp_path: Path) -> None:
    pulled: list[int] = []

    def endless() -> Iterator[str]:
        for number in range(1000):
            pulled.append(number)
            yield str(number)

    stream = lines_of(endless(), Recipe(model="m"))
    next(stream)
    assert pulled == [0]
    assert write_lines(tmp_path / "out.jsonl", lines_of(endless(), Recipe(model="m"))) == 1000
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 1000
