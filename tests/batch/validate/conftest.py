"""Batch files made of lines, and what they are held against."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from moongate.batch.records import Limits
from moongate.batch.validate import Change, Checks, Fault, Report, validate
from moongate.errors import ModelRefusedError
from moongate.facts.models import Model
from moongate.facts.providers import built_in

LISTED = {name: Model(id=name) for name in ("kimi-k2.6", "kimi-k2.5", "kimi-k3")}


@dataclass(frozen=True)
class Allowed:
    """A permit as the guard gives it."""

    id: str
    model: Model | None = None


def permit(name: str) -> Allowed:
    """Permit what is listed, and one alias of it."""
    listed = "kimi-k2.6" if name == "fast" else name
    if listed not in LISTED:
        raise ModelRefusedError(f"Moonshot does not list {name!r}.", suggestions=("kimi-k2.6",))
    return Allowed(listed, LISTED[listed])


CHECKS = Checks(row=built_in()["moonshot"], permit=permit)
ELSEWHERE = replace(CHECKS, native=False)


def line(custom_id: Any = "a", content: Any = "hi", **body: Any) -> dict[str, Any]:
    """Return one good request."""
    messages = [{"role": "user", "content": content}]
    body = {"model": "kimi-k2.6", "messages": messages, **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def text(*lines: Any) -> bytes:
    """Return lines as a file: objects as JSON, bytes as they are."""
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


@dataclass(frozen=True)
class Found:
    """Everything that validation said."""

    report: Report
    faults: list[Fault]
    changes: list[Change]
    corrected: bytes

    def kinds(self) -> list[tuple[int, str]]:
        return [(fault.line, fault.rule or fault.kind) for fault in self.faults]


def look(content: bytes, checks: Checks = CHECKS, *, fix: bool = False, limits: Limits | None = None) -> Found:
    """Validate a file that is given by its bytes."""
    faults: list[Fault] = []
    changes: list[Change] = []
    out = io.BytesIO()
    report = validate(
        io.BytesIO(content),
        replace(checks, limits=limits) if limits else checks,
        on_fault=faults.append,
        corrected=out if fix else None,
        on_change=changes.append,
    )
    return Found(report, faults, changes, out.getvalue())


@pytest.fixture(scope="session")
def check() -> Callable[..., Found]:
    return look


@pytest.fixture(scope="session")
def checks() -> Checks:
    """What a batch file for Moonshot is held against."""
    return CHECKS


@pytest.fixture(scope="session")
def elsewhere() -> Checks:
    """The same for chats one by one."""
    return ELSEWHERE


@pytest.fixture(scope="session", name="line")
def a_line() -> Callable[..., dict[str, Any]]:
    return line


@pytest.fixture(scope="session", name="text")
def a_text() -> Callable[..., bytes]:
    return text
