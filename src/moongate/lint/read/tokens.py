"""Words, texts and marks of the languages with braces: one scanner, one row of particulars per language.

It never fails: what it does not know it skips, so that a file that is broken, or in a dialect, still yields its
texts.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

Sort = Literal["text", "number", "word", "mark", "line"]


class Token(NamedTuple):
    """A piece of source; `start` and `end` are bytes. A text's are those of its content."""

    sort: Sort
    value: str
    start: int
    end: int
    plain: bool = False
    holes: str = ""  # how other values are written inside this text: "${" "#{" "{"


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """What tells one language from another, as far as texts and statements go."""

    comments: tuple[str, ...] = ("//",)
    block_comments: tuple[tuple[str, str], ...] = (("/*", "*/"),)
    long_quotes: tuple[str, ...] = ()  # texts that may span lines, without escapes
    quotes: str = "\"'"
    holes: tuple[tuple[str, str], ...] = ()  # (quote, how a value stands in such a text)
    regexes: bool = False
    lines_end: bool = False  # a statement may end with its line
    member: tuple[str, ...] = (".", "?.", "::")
    joins: tuple[str, ...] = ("+",)
    braces_make: bool = False  # `Name { … }` makes a value
    lambdas: bool = False  # `name { … }` calls with a block
    first_name: bool = False  # `var name type = …`


_C = Lexicon()
LEXICONS: dict[str, Lexicon] = {
    "javascript": Lexicon(holes=(("`", "${"),), regexes=True, lines_end=True),
    "json": Lexicon(),
    "toml": Lexicon(comments=("#",), block_comments=(), long_quotes=('"""', "'''"), lines_end=True),
    "go": Lexicon(long_quotes=("`",), lines_end=True, braces_make=True, first_name=True),
    "java": Lexicon(long_quotes=('"""',)),
    "kotlin": Lexicon(long_quotes=('"""',), holes=(('"', "${"), ('"""', "${")), lines_end=True, lambdas=True),
    "swift": Lexicon(long_quotes=('"""',), lines_end=True),
    "dart": Lexicon(holes=(('"', "${"), ("'", "${"))),
    "rust": Lexicon(quotes='"', holes=(('"', "{name}"),), braces_make=True),
    "php": Lexicon(
        comments=("//", "#"), holes=(('"', "{$"),), member=("->", "?->", "::"), joins=(".", "+"),
    ),
    "ruby": Lexicon(
        comments=("#",), block_comments=(("\n=begin", "\n=end"),), holes=(('"', "#{"),), lines_end=True,
        member=(".", "&.", "::"),
    ),
    "csharp": Lexicon(long_quotes=('"""',), holes=(('$"', "{"),), braces_make=True),
    "python": Lexicon(comments=("#",), block_comments=(), long_quotes=('"""', "'''"), lines_end=True),
}  # fmt: skip

_MARKS = (
    r"\?\?=|===|!==|\.\.\.|<=>|=>|->|\?->|&\.|\?\.|::|:=|\+=|-=|\*=|\|\|=|==|!=|<=|>=|&&|\|\||\?\?|\?:|!!|=~|\*\*"
    r"|[-+*/%=<>!?:;,.(){}\[\]&|^~@#]"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "e": "\x1b"}
_ESCAPED = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)


def unescaped(text: str) -> str:
    """Return a text with the usual backslash sequences read."""
    return _ESCAPED.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    digits = found[1] or found[2] or found[3]
    if digits:
        number = int(digits, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    return "" if found[4] in ("\n", "\r\n") else _ESCAPES.get(found[4], found[4])


@functools.cache
def _scanner(language: str) -> re.Pattern[bytes]:
    lexicon = LEXICONS[language]
    parts: list[str] = [r"(?P<tag><\?(?:php|=)?|\?>)"] if language == "php" else []
    for opened, closed in lexicon.block_comments:
        parts.append(f"(?P<remark{len(parts)}>{re.escape(opened)}.*?(?:{re.escape(closed)}|\\Z))")
    if lexicon.comments:
        openers = "|".join(re.escape(mark) for mark in lexicon.comments)
        guard = r"(?<![:\\])" if "//" in lexicon.comments else r"(?<![$&\w])" if language != "python" else ""
        parts.append(f"(?P<remark{len(parts)}>{guard}(?:{openers})[^\\n]*)")
    if language == "rust":
        parts.append(r"r(?P<hashes>#*)\"(?P<raw>.*?)\"(?P=hashes)|(?P<life>'[a-z_]\w*(?!'))")
    if language == "csharp":
        parts.append(r'@"(?P<raw>(?:[^"]|"")*)"')
    for number, quote in enumerate(lexicon.long_quotes):
        escaped = re.escape(quote)
        parts.append(f"{escaped}(?P<long{number}>.*?)(?:{escaped}|\\Z)")
    if "`" not in lexicon.long_quotes and language == "javascript":
        parts.append(r"(?P<template>`)")
    if lexicon.regexes:
        after = r"(?:(?<=[=(,:?!&|;{}\[])|(?<=[=(,:?!&|;{}\[] )|(?<=return ))"
        parts.append(rf"(?P<regex>{after}/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*)")
    for name, quote in (("double", '"'), ("single", "'")):
        if quote in lexicon.quotes:
            dollar = r"(?P<dollar>\$@?)?" if language == "csharp" and quote == '"' else ""
            several = r"" if language in ("php", "ruby", "rust") else r"\n"
            parts.append(f"{dollar}{quote}(?P<{name}>(?:[^{quote}\\\\{several}]|\\\\.)*){quote}")
    parts.append(r"(?P<number>(?<![\w$])\d[\w.]*)")
    parts.append(r"(?P<word>[$@]?[A-Za-z_\x80-\xff][\w$\x80-\xff]*[?!]?)" if language == "ruby"
                 else r"(?P<word>[$]?[A-Za-z_\x80-\xff][\w$\x80-\xff]*)")  # fmt: skip
    parts.append(f"(?P<mark>{_MARKS})")
    parts.append(r"(?P<line>\n)")
    return re.compile("|".join(parts).encode(), re.DOTALL)


def tokens(data: bytes, language: str) -> Iterator[Token]:
    """Yield the tokens of a source text. Line ends are yielded only where they may end a statement."""
    lexicon, find = LEXICONS[language], _scanner(language).search
    holes = dict(lexicon.holes)
    at = 0
    while (found := find(data, at)) is not None:
        at = found.end()
        group = found.lastgroup or ""
        if group == "word" or group == "mark":
            value = found[0].decode("utf-8", "replace")
            sort: Sort = "word" if group == "word" else "mark"
            yield Token(sort, value.lstrip("$@") if group == "word" else value, found.start(), at)
        elif group == "line":
            if lexicon.lines_end:
                yield Token("line", "\n", at - 1, at)
        elif group == "number":
            yield Token("number", found[0].decode("ascii", "replace"), found.start(), at)
        elif group == "template":
            start, at = at, _template_end(data, at)
            yield _text(data, start, at - 1, holes="${", escapes=True)
        elif group in ("double", "single") or group.startswith("long") or group == "raw":
            quote = '"' if group == "double" else "'" if group == "single" else ""
            if group == "double" and language == "csharp":
                quote = '$"' if found["dollar"] else '"'
            start, end = found.span(group)
            if group.startswith("long"):
                quote = lexicon.long_quotes[int(group[4:])]
            raw = not quote or quote == "`" or (quote == "'" and language in ("php", "ruby"))
            yield _text(data, start, end, holes=holes.get(quote, ""), escapes=not raw)


def _text(data: bytes, start: int, end: int, *, holes: str, escapes: bool) -> Token:
    value = data[start:end].decode("utf-8", "replace")
    read = unescaped(value) if escapes else value
    return Token("text", read, start, end, plain=read == value and "\ufffd" not in value, holes=holes)


def _template_end(data: bytes, at: int) -> int:
    """Return where a template literal that begins before `at` is over; values in it may hold templates again."""
    depth: list[int] = []  # braces that are open in each value we are in
    while at < len(data):
        mark = data[at]
        if mark == 0x5C:  # backslash
            at += 1
        elif not depth or depth[-1] < 0:
            if mark == 0x60:
                if not depth:
                    return at + 1
                depth.pop()
            elif data.startswith(b"${", at):
                depth.append(1)
                at += 1
        elif mark == 0x7B:
            depth[-1] += 1
        elif mark == 0x7D:
            depth[-1] -= 1
            if depth[-1] == 0:
                depth.pop()
        elif mark == 0x60:
            depth.append(-1)
        at += 1
    return len(data)
