"""Uploaded files that a chat refers to: whether they are its account's, and what they are called where they lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from moongate.gateway import replies, seams
from moongate.gateway.asked import Edit
from moongate.gateway.clerk import Clerk
from moongate.gateway.references import REFERENCES_MAX, references_in
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller, Placed
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.away import Away, no_file
from moongate.wire.peek import Body


class Referred:
    """Answers the relay."""

    def __init__(self, archive: Clerk[Archive], away: Away) -> None:
        self._archive = archive
        self._away = away

    async def placed(self, caller: Caller, body: Body) -> Placed | Refusal | None:
        """Return where the files of a body lie; None without any, a refusal where one is not the caller's.

        Raises UnavailableError where the gateway does not call that account any more.
        """
        found = tuple(islice(references_in(body), REFERENCES_MAX + 1))
        if not found:
            return None
        if len(found) > REFERENCES_MAX:
            return replies.invalid(f"Invalid request: one request refers to files at most {REFERENCES_MAX} times")
        ids = dict.fromkeys(reference.id for reference in found)
        files = await self._archive.ask(lambda archive: archive.named(caller.account_id, ids))
        for id_ in ids:
            if id_ not in files:
                return _missing(id_)
        places = {file.whereabouts: await self._away.at(file) for file in files.values()}
        (first, *others) = places.values()
        if any(other.whereabouts != first.whereabouts for other in others):
            names = ", ".join(sorted(upstream.name for upstream in places.values()))
            return replies.invalid(f"Invalid request: the files lie at different upstreams: {names}")
        theirs = {id_: file.upstream_id or "" for id_, file in files.items()}
        edits = tuple(Edit(each.start, each.end, _url(theirs[each.id])) for each in found if each.is_url)
        return Placed(first.name, first.whereabouts, edits, tuple((theirs[id_], id_) for id_ in ids))


def _missing(id_: str) -> Refusal:
    refusal = no_file(id_)
    message = f"{refusal.message} among those that this account uploaded here"
    return replace(refusal, message=message, param="messages")


def _url(id_: str) -> bytes:
    return msgspec.json.encode(f"ms://{id_}")


if TYPE_CHECKING:

    def _conforms(referred: Referred) -> seams.Files:
        return referred
