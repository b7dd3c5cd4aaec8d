"""Probes of the batch API: one line each, cancelled as soon as the question is answered, its files deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from moongate.acceptance import judges
from moongate.acceptance.judges import Judge, Seen
from moongate.acceptance.probe import CALM, HI, SWITCHED, TOKENS, Ask, File, Probe, Subject
from moongate.facts.batches import ENDED, ENDPOINT, METADATA_PAIRS, WINDOW

BATCHES = "/batches"
BATCHED = ("k2.7-code", *SWITCHED)  # families that documentation lets into a batch
SPEC, GUIDE = "specification (2026-08-17)", "batch guide (2026-08-13)"
FIELDS = (
    "id", "object", "endpoint", "input_file_id", "completion_window", "status", "created_at", "request_counts"
)  # fmt: skip
VALIDATED_S, WORKED_S = 120.0, 1_800.0  # how long a small batch may take; nobody promises less than 12 hours


def lines(subject: Subject, *more: Mapping[str, Any]) -> File:
    """Return a batch file of one line for each of `more`, one plain line without any."""
    calm = CALM if subject.family in SWITCHED else {}
    asked = {"model": subject.model, "messages": HI, "max_completion_tokens": TOKENS, **calm}
    rows = [
        {"custom_id": f"line-{number}", "method": "POST", "url": ENDPOINT, "body": {**asked, **fields}}
        for number, fields in enumerate(more or ({},), 1)
    ]
    return File(name="m.jsonl", purpose="batch", content=b"\n".join(map(msgspec.json.encode, rows)))


def queued() -> Iterator[Probe]:
    """What is refused, what a batch says of itself, and, with patience, how it ends."""
    yield from _refused()
    show, cancel = Ask(method="GET", path="/batches/{1.id}"), Ask(method="POST", path="/batches/{1.id}/cancel")
    first = Ask(method="GET", path="/batches?limit=1")
    yield _about("batch-fields", "A new batch is validating and has the documented fields", _created(), _NEW)
    yield _about("batch-list", "The list takes limit and says has_more", _created(first), _LISTED)
    yield _about(
        "batch-cancel",
        "A batch that has just begun can be cancelled",
        _created(cancel),
        judges.in_state("cancelling", "cancelled"),
    )
    yield _about("batch-cancel-twice", "A cancelled batch cannot be cancelled", _created(cancel, cancel), _STATE)
    yield _about(
        "batch-cancelled",
        "A cancelled batch ends as cancelled",
        _created(cancel, *_until_ended(show, 3)),
        judges.in_state("cancelled"),
        takes_s=VALIDATED_S,
    )
    yield from _ended(show)


_NEW = judges.has_fields(*FIELDS, where={"status": "validating"})
_LISTED = judges.has_fields("data", "has_more", where={"object": "list"})
_STATE = judges.refused("cancel", "cancelled", "cancelling", "status")


def _refused() -> Iterator[Probe]:
    pairs = {f"k{number}": "v" for number in range(METADATA_PAIRS + 1)}
    for name, fact, more, words in (
        ("batch-window-short", "A completion_window below 12h is refused", {"completion_window": "1h"}, ("window",)),
        ("batch-window-long", "A completion_window above 7d is refused", {"completion_window": "8d"}, ("window",)),
        ("batch-endpoint-other", "Another endpoint is refused", {"endpoint": "/v1/embeddings"}, ("endpoint",)),
        ("batch-metadata-many", f"More than {METADATA_PAIRS} pairs of metadata are refused", {"metadata": pairs}, ()),
    ):
        judge = judges.refused(*words, "metadata" if "metadata" in more else "completion_window")
        yield _about(name, fact, _created(**more), judge)


def _ended(show: Ask) -> Iterator[Probe]:
    ended, *results = _until_ended(show, 2)
    yield _about(
        "batch-ends",
        "A batch of one good line is completed",
        _created(ended, *results),
        judges.in_state("completed"),
        families=BATCHED,
        takes_s=WORKED_S,
    )
    output = Ask(method="GET", path="/files/{2.output_file_id}/content")
    yield _about(
        "batch-output",
        "A line of the output has custom_id, response.status_code and response.body",
        _created(ended, output, *results),
        judges.output_line,
        rests_on=GUIDE,
        families=BATCHED,
        takes_s=WORKED_S,
    )
    for name, fact, more, families in (
        ("batch-sampling", "A batch whose line sets a temperature fails", ({"temperature": 1},), BATCHED),
        ("batch-k3", "A batch for kimi-k3 fails", (), ("k3",)),
    ):
        build = _created(ended, *results, more=more)
        yield _about(
            name, fact, build, judges.in_state("failed"), rests_on=GUIDE, families=families, takes_s=VALIDATED_S
        )


def _until_ended(show: Ask, number: int) -> tuple[Ask, ...]:
    """Return what looks at a batch until it ends, as request `number` of its probe, and deletes what it made."""
    made = (f"{{{number}.{kind}_file_id}}" for kind in ("output", "error"))
    return (
        Ask(method=show.method, path=show.path, until=_has_ended),
        *(Ask(method="DELETE", path=f"/files/{id_}", is_cleanup=True) for id_ in made),
    )


def _has_ended(reply: Seen) -> bool:
    state = reply.payload.get("status") if isinstance(reply.payload, dict) else None
    return not reply.ok or state in ENDED


def _created(
    *then: Ask, more: tuple[Mapping[str, Any], ...] = (), **fields: Any
) -> Callable[[Subject], tuple[Ask, ...]]:
    """Return what uploads lines and makes a batch of them, asks, and cancels and deletes again."""

    def build(subject: Subject) -> tuple[Ask, ...]:
        file = lines(subject, *more)
        asked = {"input_file_id": "{0.id}", "endpoint": ENDPOINT, "completion_window": WINDOW, **fields}
        upload = Ask(method="POST", path="/files", file=file)
        tokens = TOKENS * max(1, len(more))
        create = Ask(method="POST", path=BATCHES, fields=asked, worst_tokens=tokens, more_prompt=len(file.content))
        cancel = Ask(method="POST", path="/batches/{1.id}/cancel", is_cleanup=True)
        delete = Ask(method="DELETE", path="/files/{0.id}", is_cleanup=True)
        return (upload, create, *then, cancel, delete)

    return build


def _about(
    id_: str,
    fact: str,
    build: Callable[[Subject], tuple[Ask, ...]],
    judge: Judge,
    *,
    rests_on: str = SPEC,
    families: tuple[str, ...] | None = BATCHED,
    takes_s: float = 0.0,
) -> Probe:
    return Probe(
        id=id_,
        fact=fact,
        question="Does it hold for a batch of one small line?",
        rests_on=rests_on,
        build=build,
        judge=judge,
        families=families,
        takes_s=takes_s,
    )
