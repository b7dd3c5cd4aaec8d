"""The records of a batch: its lines, how each of them ended, and the parts in which they travel.

Values only; msgspec structs, since there is one of most of them for every line of a file.
"""

from __future__ import annotations

import msgspec

from moongate.facts.batches import ENDPOINT
from moongate.facts.files import MAX_FILE_BYTES


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a batch file. `body` is its JSON as it stands there: the bytes that would be sent."""

    index: int  # from 0, in the order of the input, blank lines left out
    number: int  # from 1, as an editor counts the file's lines
    custom_id: str
    body: bytes
    url: str = ENDPOINT
    offset: int = 0  # where the line begins in its file, in bytes
    size: int = 0  # of the whole line with its line break, in bytes


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one line ended.

    `kind` is "" for an answer, else the kind of error (`moongate.errors`). The result line itself lies in
    `answers.jsonl`, `size` bytes from `offset` on. A cost of None means that no price is known, which is not free.
    """

    index: int
    kind: str = ""
    status: int = 0  # of HTTP; 0 where no answer came
    offset: int = 0
    size: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nano: int | None = None
    tries: int = 1  # how often it was sent in this life of the job
    uncertain: bool = False  # it may have been charged without an answer, now or by a try before

    @property
    def ok(self) -> bool:
        """Whether the line has an answer."""
        return not self.kind


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that travel as one file: `size` bytes of `path` from `offset` on.

    They are `first`, `first + 1`, … of the input; a retry's part, whose lines do not follow each other, is a file of
    its own that repeats them, and its `first` is the lowest of them.
    """

    number: int  # from 0
    path: str  # relative to the job's folder, or absolute where the input stays where it is
    offset: int
    size: int
    first: int
    lines: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one file of a provider's batch API may hold; None where no limit is known."""

    max_bytes: int = MAX_FILE_BYTES  # Moonshot's OpenAPI document, 2026-08-17
    max_lines: int | None = None  # Moonshot states none; OpenAI's is 50,000
