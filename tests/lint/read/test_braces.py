"""The languages with braces, as far as names, texts, calls and blocks go."""

from __future__ import annotations

import pytest

from moongate.lint.read import read
from moongate.lint.tree import Kind, Node


def pairs(language: str, source: str) -> list[tuple[str, str]]:
    """Return (name, value) of every pair whose value is a text."""
    root = read(source.encode(), language).root
    return [
        (n.name, n.value.name) for n in root.walk() if n.kind is Kind.PAIR and n.value and n.value.kind is Kind.TEXT
    ]


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("javascript", 'const m = "v"; // m = "w"'),
        ("javascript", "let m: string = 'v' /* m = 'w' */"),
        ("javascript", 'f({ m: "v" })'),
        ("javascript", "const r = /[\"'`]/g; const m = `v`;"),
        ("javascript", "<p>don't</p>\nconst m = 'v'"),
        ("go", 'var m string = "v"'),
        ("go", "m := `v`"),
        ("go", 'x := T{m: "v"}'),
        ("java", 'private static final String m = "v";'),
        ("java", 'body.put("m", "v");'),
        ("kotlin", 'val m: String = "v"'),
        ("kotlin", 'f(m = "v")'),
        ("rust", 'const m: &str = "v";'),
        ("rust", "fn f<'a>(x: &'a str) { let m = r#\"v\"#; }"),
        ("php", "<?php $m = 'v'; # $m = 'w'"),
        ("php", "<?php f(['m' => 'v']);"),
        ("ruby", "m = 'v' # m = 'w'"),
        ("ruby", 'f(m: "v")'),
        ("csharp", 'var o = new T { m = "v" };'),
        ("csharp", 'var m = @"v";'),
        ("json", '{"m": "v"}'),
    ],
)
def test_a_text_is_given_to_its_name(language: str, source: str) -> None:
    assert pairs(language, source) == [("m", "v")]


def test_a_text_knows_its_bytes() -> None:
    source = 'é = "a\\n"; m = "é"'.encode()
    texts = [n for n in read(source, "javascript").root.walk() if n.kind is Kind.TEXT]
    assert [(n.name, n.plain) for n in texts] == [("a\n", False), ("é", True)]
    assert source[texts[1].start : texts[1].end] == "é".encode()


def test_templates_may_hold_templates() -> None:
    root = read(b"x = `a${f(`b${c}`)}d`; m = `v`", "javascript").root
    joined = [n for n in root.walk() if n.kind is Kind.JOIN]
    assert [item.name for item in joined[0].items][::2] == ["a", "d"]


def test_blocks_are_scopes_and_calls_nest() -> None:
    root = read(b"async function f(a = 1) { for await (const c of s) { g(c.usage); } }", "javascript").root
    function = next(n for n in root.walk() if n.kind is Kind.SCOPE and n.name == "function")
    loop = next(n for n in function.walk() if n.kind is Kind.SCOPE and n.name == "for")
    assert function.label == "f"
    assert loop.items[0].name == "c"
    assert _word(loop, "c.usage")


def _word(root: Node, name: str) -> bool:
    return any(node.kind is Kind.WORD and node.name == name for node in root.walk())
