"""What validation finds: a `Fault` for each thing that is wrong with a line, and the `Report` on a whole file."""

from __future__ import annotations

from typing import Literal

import msgspec

from moongate.facts.money import Money

Kind = Literal[
    "encoding",  # not UTF-8, a byte order mark, NUL bytes
    "json",  # not JSON, or not an object
    "repeated_key",  # a key is given twice: parsers differ on which one counts
    "blank",
    "size",  # a line, or the file, is larger than the provider takes
    "field",  # custom_id, method, url or body is missing or of the wrong kind
    "duplicate_id",
    "model",  # not listed, or not written as it is listed
    "models",  # more than one in a file
    "parameter",  # a rule of the model
    "empty",  # the file has no lines
]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or with severity "warning" may be wrong, with a line.

    `fix` says what `--fix` does about it, None where it can do nothing. `line` is 0 for the file as a whole.
    """

    line: int
    kind: Kind
    message: str
    severity: Literal["error", "warning"] = "error"
    field: str | None = None
    rule: str | None = None  # the id of a row in facts/rules.toml
    fix: str | None = None


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a file may cost. Tokens of the prompt are estimated from its length, not counted by the provider.

    `most_completion_tokens` and `most_cost` are None unless every line limits its answer.
    """

    prompt_tokens: int
    most_completion_tokens: int | None
    unlimited: int  # lines that set no limit of their own
    media: int  # parts that are no text, and not in the estimate
    prompt_cost: Money | None = None
    most_cost: Money | None = None
    basis: str | None = None  # of the price; None where no price is known


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What validation says of a whole file. Faults themselves were handed out as they were found."""

    bytes: int
    lines: int  # blank ones included
    requests: int
    errors: int  # lines' errors, not lines
    warnings: int
    kinds: dict[str, int]  # errors and warnings, by kind or by rule
    models: dict[str, int]  # requests by model
    parts: int  # files that it will be sent as
    fixed: int  # errors and warnings that the corrected file no longer has
    estimate: Estimate

    @property
    def ok(self) -> bool:
        """Whether the file can be sent as it is; of a corrected one, whether that can."""
        return self.errors == 0
