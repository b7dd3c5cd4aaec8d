"""What a journal says: one struct for every kind of event, written as JSON with its `type`.

An event is a fact, never an order: "meant" events stand before the act, the others after it. Times are in seconds
since the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from moongate.batch.records import Outcome, Part
from moongate.facts.batches import Status

Mode = Literal["local", "remote"]
Which = Literal["output", "error"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Something that happened to a job."""


class PartEvent(Event, frozen=True, kw_only=True):
    """Something that happened to one part of it."""

    part: int


class Opened(Event, frozen=True, kw_only=True, tag="opened"):
    """The job was made. The first event of every journal."""

    job: str
    mode: Mode
    provider: str
    base_url: str
    model: str  # the id that its lines name
    input: str  # the canonical batch file: absolute, or relative to the job's folder
    sha256: str  # of that file
    total: int  # lines
    at: float
    output: str = ""  # where results go, absolute; "" until somebody asks
    currency: str = ""  # of every amount in this journal; "" where no price is known
    basis: str = ""  # of the price
    source: str = ""  # what the user gave, where that is not the canonical file
    tag: str = ""  # by which this job's files and batches are known at the provider
    window: str = ""  # how long the provider may take, e.g. "24h"
    aliases: dict[str, str] = {}  # that lines named, and the ids that stand there in the canonical file
    given_sha256: str = ""  # of what the user gave, where aliases made the canonical file another


class Begun(Event, frozen=True, kw_only=True, tag="begun"):
    """A process took the job up: what an earlier one had in flight is in doubt from now on."""

    at: float


class Sent(Event, frozen=True, kw_only=True, tag="sent"):
    """Lines that are about to leave. Written before the first byte does; `nano` is what is set aside for them."""

    indexes: tuple[int, ...]
    nano: int = 0


class Returned(Event, frozen=True, kw_only=True, tag="returned"):
    """A line came back without an answer and waits to be sent again; with `doubt` it may have been charged."""

    index: int
    kind: str
    doubt: bool = False
    nano: int = 0  # what was set aside for it


class Settled(Event, frozen=True, kw_only=True, tag="settled"):
    """A line ended, and its result line is in `answers.jsonl`."""

    outcome: Outcome
    nano: int = 0  # what was set aside for it


class Retried(Event, frozen=True, kw_only=True, tag="retried"):
    """Failed lines were opened again; those that may have been charged only when `uncertain`."""

    uncertain: bool = False


class Stopped(Event, frozen=True, kw_only=True, tag="stopped"):
    """The job rests: `why` is a word (`state.Why`), `message` a sentence for its user."""

    why: str
    message: str
    at: float


class Capped(Event, frozen=True, kw_only=True, tag="capped"):
    """The user said what the job may cost at most from now on, in nano-units; None for no cap."""

    nano: int | None = None


class Cancelled(Event, frozen=True, kw_only=True, tag="cancelled"):
    """The user gave the job up; what is under way at a provider is cancelled there."""

    at: float


class Finished(Event, frozen=True, kw_only=True, tag="finished"):
    """Every line has its result."""

    at: float


class Planned(Event, frozen=True, kw_only=True, tag="planned"):
    """A part was cut; `name` is the file name it is uploaded under, the job's tag in it."""

    part: Part
    name: str


class UploadMeant(PartEvent, frozen=True, kw_only=True, tag="upload_meant"):
    """A part is about to be uploaded."""

    at: float


class Uploaded(PartEvent, frozen=True, kw_only=True, tag="uploaded"):
    """The provider has the part's file."""

    file_id: str


class UploadFailed(PartEvent, frozen=True, kw_only=True, tag="upload_failed"):
    """The provider certainly has no such file."""


class CreateMeant(PartEvent, frozen=True, kw_only=True, tag="create_meant"):
    """A batch of an uploaded part is about to be created."""

    at: float


class CreateDropped(PartEvent, frozen=True, kw_only=True, tag="create_dropped"):
    """The user leaves a batch be of which nobody can say whether it exists."""


class CancelMeant(PartEvent, frozen=True, kw_only=True, tag="cancel_meant"):
    """A batch is about to be cancelled at the provider."""


class Created(PartEvent, frozen=True, kw_only=True, tag="created"):
    """The provider has the batch."""

    batch_id: str


class CreateFailed(PartEvent, frozen=True, kw_only=True, tag="create_failed"):
    """The provider certainly has no such batch."""


class CreateLost(PartEvent, frozen=True, kw_only=True, tag="create_lost"):
    """Nobody can say whether the batch exists: the provider keeps no mark by which it could be found."""


class Seen(PartEvent, frozen=True, kw_only=True, tag="seen"):
    """What the provider says of a batch."""

    status: Status
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None


class Fetched(PartEvent, frozen=True, kw_only=True, tag="fetched"):
    """The results in one of a batch's files were taken over, each with a `Settled` before this."""

    which: Which
    found: bool = True  # False: the provider no longer has the file


class Concluded(PartEvent, frozen=True, kw_only=True, tag="concluded"):
    """Nothing more will come of a part: its lines without a result were settled as failed."""

    nano: int = 0  # what those among them that may have been charged may have cost at most


AnyEvent = (
    Opened
    | Begun
    | Sent
    | Returned
    | Settled
    | Retried
    | Stopped
    | Capped
    | Cancelled
    | Finished
    | Planned
    | UploadMeant
    | Uploaded
    | UploadFailed
    | CreateMeant
    | Created
    | CreateFailed
    | CreateLost
    | CreateDropped
    | CancelMeant
    | Seen
    | Fetched
    | Concluded
)
_DECODER: msgspec.json.Decoder[list[AnyEvent]] = msgspec.json.Decoder(list[AnyEvent])
_ENCODER = msgspec.json.Encoder()


def encoded(events: Sequence[AnyEvent]) -> str:
    """Return the journal's form of events that become true together."""
    return _ENCODER.encode(events).decode()


def decoded(row: str) -> list[AnyEvent]:
    """Return the events in a journal's row. Raises msgspec.DecodeError for what is none."""
    return _DECODER.decode(row)
