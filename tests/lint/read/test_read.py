"""Readers of files of lines, of shells, of Markdown and notebooks: every text at its place in the file."""

from __future__ import annotations

import pytest

from moongate.lint.read import read
from moongate.lint.tree import Kind

V = "kimi-k2.6"


@pytest.mark.parametrize(
    ("language", "source", "name"),
    [
        ("python", 'm = "kimi-k2.6"', "m"),
        ("yaml", "a:\n  - m: kimi-k2.6  # c\n", "m"),
        ("yaml", "a: {m: 'kimi-k2.6', b: [1, 2]}\n", "m"),
        ("yaml", "run: |\n  M=kimi-k2.6 app\n", "M"),
        ("yaml", "env:\n  - M=kimi-k2.6\n", "M"),
        ("toml", '[a."b.c"]\nm = "kimi-k2.6" # c\n', "m"),
        ("toml", "a.m = 'kimi-k2.6'\n", "m"),
        ("env", "# c\nexport M=kimi-k2.6 # c\n", "M"),
        ("ini", "[a]\nm: kimi-k2.6 ; c\n", "m"),
        ("make", "M ?= kimi-k2.6\n", "M"),
        ("docker", "FROM x\nENV A=1 \\\n    M=kimi-k2.6\n", "M"),
        ("shell", 'curl -d \'{"m": "kimi-k2.6"}\' u\n', "m"),
        ("shell", 'curl -d "{\\"m\\": \\"kimi-k2.6\\"}" u\n', "m"),
        ("shell", 'curl -d @- <<EOF\n{"m": "kimi-k2.6"}\nEOF\n', "m"),
        ("shell", "app --m=kimi-k2.6\n", "--m"),
        ("shell", "M=${M:-kimi-k2.6}\n", "M"),
        ("markdown", "x\n\n1. y\n\n   ```py\n   m = 'kimi-k2.6'\n   ```\n", "m"),
        ("markdown", "```console\n$ M=kimi-k2.6 app\nM=nothing\n```\n", "M"),
        ("notebook", '{"cells": [{"cell_type": "code", "source": ["x\\n", "m = \\"kimi-k2.6\\""]}]}', "m"),
        ("markup", "<p>it's</p><script>const m = 'kimi-k2.6'</script>", "m"),
    ],
)
def test_a_text_stands_under_its_name_and_at_its_place(language: str, source: str, name: str) -> None:
    data = source.encode()
    texts = [node for node in read(data, language).root.walk() if node.kind is Kind.TEXT and node.name == V]
    assert len(texts) == 1
    assert data[texts[0].start : texts[0].end].decode() == V
    names = [node.name for node in texts[0].above() if node.kind is Kind.PAIR]
    assert names[0] == name


def test_python_that_does_not_parse_is_read_as_text() -> None:
    found = read(b'print "x"\nm = "v"\n', "python")
    assert found.as_text
    assert any(node.kind is Kind.PAIR and node.name == "m" for node in found.root.walk())


@pytest.mark.parametrize("above", ["Don't do this:", "### Wrong", "❌", "This fails with 404:"])
def test_a_block_that_shows_a_mistake_is_left_alone(above: str) -> None:
    source = f"text\n\n{above}\n\n```py\nm = 'v'\n```\n"
    assert not any(node.kind is Kind.TEXT for node in read(source.encode(), "markdown").root.walk())


def test_a_block_that_merely_follows_one_is_not() -> None:
    source = "Wrong:\n\n```py\na = 'v'\n```\n\nBefore you start, set:\n\n```py\nm = 'v'\n```\n"
    names = [n.name for n in read(source.encode(), "markdown").root.walk() if n.kind is Kind.PAIR]
    assert names == ["m"]
