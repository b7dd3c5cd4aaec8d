"""The batch API as calls: create, list, retrieve, cancel. The files of a batch are `filecalls`.

`create` is never repeated by itself: a second create is a second batch, charged again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from moongate.errors import NotOfferedError, UsageError
from moongate.facts import batches as facts
from moongate.facts.batches import Batch, Page
from moongate.facts.providers import Provider
from moongate.wire.calls import Call
from moongate.wire.replies import Reply, decode_as

T = TypeVar("T")
_PATH = "/batches"


def create(
    row: Provider,
    *,
    input_file_id: str,
    completion_window: str = facts.WINDOW,
    metadata: Mapping[str, str] | None = None,
) -> Call[Batch]:
    """Make a batch of an uploaded file.

    Raises UsageError for a window or metadata that the provider refuses, NotOfferedError where it has no batches.
    """
    url = row.url(_path(row))
    if not input_file_id:
        raise UsageError("A file id is empty.")
    if row.dialect == "moonshot":
        _check_window(completion_window)
    fields: dict[str, Any] = {
        "input_file_id": input_file_id,
        "endpoint": facts.ENDPOINT,
        "completion_window": completion_window,
    }
    if metadata:
        fields["metadata"] = _checked_metadata(metadata)
    return Call(
        method="POST",
        url=url,
        body=msgspec.json.encode(fields),
        headers={"content-type": "application/json"},
        decode=_batch,
        repeatable=False,
    )


def listed(row: Provider, *, after: str | None = None, limit: int | None = None) -> Call[Page]:
    """One page of the batches; the next page comes `after` the id of the last batch on this one."""
    asked = {"after": after, "limit": limit}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    url = row.url(_path(row)) + (f"?{query}" if query else "")
    return Call(method="GET", url=url, decode=lambda reply: _decoded(reply, Page))


def retrieve(row: Provider, batch_id: str) -> Call[Batch]:
    """One batch as it is now."""
    return Call(method="GET", url=row.url(_one(row, batch_id)), decode=_batch)


def cancel(row: Provider, batch_id: str) -> Call[Batch]:
    """Stop a batch; what is finished stays. Refused unless it is validating, in progress or finalizing."""
    return Call(
        method="POST", url=row.url(f"{_one(row, batch_id)}/cancel"), body=b"", decode=_batch, repeatable=False
    )


def _path(row: Provider) -> str:
    if row.batches != "native":
        raise NotOfferedError(
            f"{row.title} has no batch API that moongate knows.",
            advice="`moongate batch run` works the same file off through ordinary chat calls.",
        )
    return _PATH


def _one(row: Provider, batch_id: str) -> str:
    if not batch_id:
        raise UsageError("A batch id is empty.")
    return f"{_path(row)}/{quote(batch_id, safe='')}"


def _check_window(window: str) -> None:
    found = re.fullmatch(r"([0-9]{1,4})([hd])", window)
    hours = int(found[1]) * (1 if found[2] == "h" else 24) if found else 0
    if not facts.WINDOW_MIN_H <= hours <= facts.WINDOW_MAX_H:
        raise UsageError(
            f"{window!r} is no time that a batch may take.", advice="Write it like 24h or 3d, from 12h to 7d."
        )


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    most = f"at most {facts.METADATA_PAIRS} pairs of texts, keys up to {facts.METADATA_KEY} characters"
    advice = f"Metadata takes {most}, values up to {facts.METADATA_VALUE}."
    if len(metadata) > facts.METADATA_PAIRS:
        raise UsageError(f"{len(metadata)} pairs of metadata are too many.", advice=advice)
    for key, value in metadata.items():
        texts = isinstance(key, str) and isinstance(value, str)
        if not texts or len(key) > facts.METADATA_KEY or len(value) > facts.METADATA_VALUE:
            raise UsageError(f"The metadata of {str(key)[:80]!r} cannot be sent.", advice=advice)
    return dict(metadata)


def _batch(reply: Reply) -> Batch:
    return _decoded(reply, Batch)


def _decoded(reply: Reply, shape: type[T]) -> T:
    return decode_as(shape, reply.body, what="The answer about a batch")
