"""What the rules hand out: a `Finding`, what was done about it, and the error that refuses a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from moongate.errors import UsageError

Sureness = Literal["sure", "uncertain"]
Mode = Literal["raise", "fix", "pass"]
Step = str | int


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of a body: a place, and what to do there. "mend" rewrites the schema that stands there."""

    path: tuple[Step, ...]
    op: Literal["drop", "set", "mend"]
    value: Any = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing in a request that the provider objects to, or may object to."""

    rule: str  # the id of the row in facts/rules.toml
    field: str  # "temperature", "messages[2].role"
    value: Any
    allowed: str
    message: str  # a sentence for people
    sureness: Sureness
    source: str
    date: str  # YYYY-MM-DD, of the newest source
    says: str | None = None  # what the server answers, as far as it is known
    fix: str | None = None  # what "fix" does, None where it can do nothing
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change that was made to a request. `before` and `after` are None where there was, or is, nothing."""

    rule: str
    field: str
    before: Any
    after: Any
    message: str


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A request after the rules: the body to send, what was changed in it, and what is not certain."""

    body: Mapping[str, Any]
    changes: tuple[Change, ...] = ()
    warnings: tuple[Finding, ...] = ()


class RuleError(UsageError):
    """The model does not take this request as it is, so nothing was sent."""

    kind: ClassVar[str] = "parameter"
    sent = False

    def __init__(self, message: str = "", *, findings: tuple[Finding, ...] = (), advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.findings = findings
