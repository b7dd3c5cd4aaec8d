"""Lint: walk, read each file once, sift, judge, and leave out what the project or a comment says to leave out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moongate.lint import suppress
from moongate.lint.finding import Finding
from moongate.lint.knowledge import Knowledge
from moongate.lint.languages import LARGEST, is_binary, is_generated, language_of, may_be_ours
from moongate.lint.options import Options
from moongate.lint.sift import may_matter

if TYPE_CHECKING:
    from moongate.lint.rules import Hit, Rule
    from moongate.lint.sheet import Sheet

_SECRET = re.compile(r"\b(sk-|org-|ak-)[A-Za-z0-9][A-Za-z0-9_\-]{15,}|(?<=//)[^/@\s]+:[^/@\s]+(?=@)")
_MAX_SHOWN = 240  # characters of a source line


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was found in one file. `notes` are for stderr."""

    path: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    data: bytes = field(default=b"", repr=False)  # of a file with findings, where the options keep it


def lint_file(path: str, knowledge: Knowledge, options: Options) -> Result:
    """Return what is wrong in one file. It is opened once; one that cannot be read is a note."""
    if not may_be_ours(path.rpartition("/")[2]):
        return Result(path=path)
    try:
        data = _content(path)
    except OSError as error:
        return Result(path=path, notes=(f"{path}: not read: {error.strerror or error}",))
    if data is None:
        return Result(path=path, notes=(f"{path}: not read: larger than {LARGEST} bytes",))
    return lint_bytes(path, data, knowledge, options) if may_matter(data) else Result(path=path)


def _content(path: str) -> bytes | None:
    """Return a file's bytes, None for one that is too large."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        size = os.fstat(handle).st_size
        if size > LARGEST:
            return None
        data = os.read(handle, size + 1)
        while len(data) <= size and (more := os.read(handle, size + 1)):
            data += more
        return data
    finally:
        os.close(handle)


def lint_bytes(path: str, data: bytes, knowledge: Knowledge, options: Options) -> Result:
    """Return what is wrong in a content; nothing for a generated or binary one, or one in no known language."""
    try:
        return _judged(path, data, knowledge, options)
    except RecursionError:  # hundreds of brackets in each other: no code that people write
        return Result(path=path, notes=(f"{path}: not judged: it is nested too deeply",))


def _judged(path: str, data: bytes, knowledge: Knowledge, options: Options) -> Result:
    from moongate.lint.rules import rules

    sheet = _sheet(path, data, knowledge)
    if sheet is None:
        return Result(path=path)
    notes = (f"{path}: its syntax could not be parsed; it was searched as text",) if sheet.as_text else ()
    found = [
        _finding(path, data, rule, hit, options)
        for rule in rules()
        if options.selects(rule.code, path)
        for hit in rule.check(sheet)
    ]
    kept, said = suppress.kept(found, data, options.today)
    return Result(
        path=path,
        findings=tuple(sorted(kept, key=lambda f: (f.start, f.code))),
        notes=(*notes, *(f"{path}:{note}" for note in said)),
        data=data if kept and options.keeps_data else b"",
    )


def sheet_of(path: str, knowledge: Knowledge) -> Sheet | None:
    """Return a file read, None for one that cannot matter. Raises OSError when it cannot be read."""
    data = _content(path)
    return _sheet(path, data, knowledge) if data is not None and may_matter(data) else None


def _sheet(path: str, data: bytes, knowledge: Knowledge) -> Sheet | None:
    if is_binary(data) or is_generated(data):
        return None
    language = language_of(path.rpartition("/")[2], data)
    if language is None:
        return None
    from moongate.lint.read import read
    from moongate.lint.sheet import Sheet

    return Sheet(path=path, data=data, language=language, read=read(data, language), knowledge=knowledge)


def masked(text: str) -> str:
    """Return a text in which keys and account identifiers are stars, as long as it was."""
    return _SECRET.sub(lambda found: (found[1] or "") + "*" * (len(found[0]) - len(found[1] or "")), text)


def _finding(path: str, data: bytes, rule: Rule, hit: Hit, options: Options) -> Finding:
    node = hit.node
    line_start = data.rfind(b"\n", 0, node.start) + 1
    line_end = data.find(b"\n", node.start)
    line_end = len(data) if line_end < 0 else line_end
    column = len(data[line_start : node.start].decode("utf-8", "replace")) + 1
    text = data[line_start:line_end].decode("utf-8", "replace").rstrip("\r")
    width = len(data[node.start : min(node.end, line_end)].decode("utf-8", "replace"))
    if hit.secret:
        text = text[: column - 1] + hit.found + text[column - 1 + width :]
        width = len(hit.found)
    return Finding(
        path=path,
        line=data.count(b"\n", 0, node.start) + 1,
        column=column,
        start=node.start,
        end=node.end,
        code=rule.code,
        severity=hit.severity or options.severity.get(rule.code, rule.severity),
        message=hit.message,
        reason=hit.reason,
        found=masked(hit.found),
        instead=hit.instead,
        provider=hit.provider,
        edits=hit.edits,
        source_line=masked(text[:_MAX_SHOWN]),
        width=max(1, width),
    )
