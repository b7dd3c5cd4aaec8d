"""What is to be done next for a job: one struct for every kind of command. `state` decides, a run carries it out.

A command is never written down: after a kill, the state that the journal amounts to gives those of now.
"""

from __future__ import annotations

import msgspec

from moongate.batch.events import Which


class _OfPart(msgspec.Struct, frozen=True, kw_only=True):
    part: int


class SendLines(msgspec.Struct, frozen=True, kw_only=True):
    """Send the lines that wait, as ordinary chats."""


class Upload(_OfPart, frozen=True, kw_only=True):
    """Upload a part."""


class FindUpload(_OfPart, frozen=True, kw_only=True):
    """Look whether a part was uploaded: the intent is written down, the answer is lost."""


class Create(_OfPart, frozen=True, kw_only=True):
    """Create the batch of a part."""


class FindBatch(_OfPart, frozen=True, kw_only=True):
    """Look whether a part's batch was created: the intent is written down, the answer is lost."""


class Ask(_OfPart, frozen=True, kw_only=True):
    """Let the user decide: whether a part's batch exists cannot be found out."""


class Watch(_OfPart, frozen=True, kw_only=True):
    """Ask the provider how far a part's batch is."""


class Cancel(_OfPart, frozen=True, kw_only=True):
    """Ask the provider to cancel a part's batch."""


class Fetch(_OfPart, frozen=True, kw_only=True):
    """Take over the results in one of a batch's files."""

    which: Which
    file_id: str


class Conclude(_OfPart, frozen=True, kw_only=True):
    """Settle the lines of a part that no file has a result for."""


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Write down that every line has its result."""


Command = SendLines | Upload | FindUpload | Create | FindBatch | Ask | Watch | Cancel | Fetch | Conclude | Finish
