"""Heads of requests that were let in before: a client that repeats one is known by its bytes, without parsing them.

What a head leads to depends on its bytes, the keys and the configuration. Each head here went through the parser and
past the porter once; the same bytes before the same kind of body would again, so only the digits of Content-Length
may differ, and that much of a body must be there. All are forgotten once keys or configuration change, and what is
remembered is never shown: the keys stand in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from moongate.errors import StorageError

if TYPE_CHECKING:
    from moongate.gateway.porter import Fields
    from moongate.gateway.seams import Caller, Till

HEADS = 1024
HEAD_BYTES = 4096  # of the longest that is remembered
_END = b"\r\n\r\n"
_MARK = b"ength: "
_LENGTH = b"\r\ncontent-length: "
_PASSING = (b"expect", b"traceparent", b"transfer-encoding", b"upgrade", b"x-request-id")  # or seldom twice the same


class Seen:
    """What a head led to."""

    __slots__ = ("caller", "own")

    def __init__(self, caller: Caller, own: bytes) -> None:
        self.caller = caller
        self.own = own  # header lines that any answer to it carries


class Known:
    """The heads, by their bytes without the digits of their length."""

    def __init__(self, till: Till, clock: Callable[[], float]) -> None:
        self._till = till
        self._clock = clock
        self._keys = -1  # the revision of the keys for which it holds
        self._heads: dict[bytes, Seen] = {}
        self._last: tuple[bytes, bytes, Seen] | None = None  # of them: before and behind the digits, what it led to

    def __len__(self) -> int:
        """How many heads are remembered."""
        return len(self._heads)

    def recall(self, data: bytes, most: int) -> tuple[Seen, bytes] | None:
        """Return what a request's head led to, and its body; None where it is not known, or not here to its end.

        `most` is how long a body may be.
        """
        last = self._last
        if (
            last is None
            or not data.startswith(last[0])
            or not data.startswith(last[1], data.find(b"\r\n", len(last[0])))
        ):
            last = self._found(data)
            if last is None:
                return None
        before, behind, seen = last
        at = len(before)
        cut = data.find(b"\r\n", at)
        body = data[cut + len(behind) :]
        if data[at:cut] != b"%d" % len(body) or len(body) > most:
            return None
        try:
            if self._till.revision() != self._keys:
                self.forget()
                return None
        except StorageError:
            return None
        expires_at = seen.caller.expires_at
        return None if expires_at is not None and expires_at <= self._clock() else (seen, body)

    def remember(self, data: bytes, fields: Fields, caller: Caller, own: bytes) -> None:
        """Remember the head of a request that came in one piece, alone and whole, and was let in."""
        end = data.find(_END) + 4
        at = data.find(_MARK) + 7
        cut = data.find(b"\r\n", at)
        length = fields.get(b"content-length")
        if length is None or any(name in fields for name in _PASSING) or not len(length) < cut < end <= HEAD_BYTES:
            return
        # It must be the length's own line that the digits are left out of.
        if data[at - len(_LENGTH) : at].lower() != _LENGTH or data[at:cut] != length or not length.isdigit():
            return
        if int(length) != len(data) - end:
            return
        try:
            revision = self._till.revision()
            if self._till.caller_of(caller.key_id) is not caller:
                return
        except StorageError:
            return
        if revision != self._keys or len(self._heads) >= HEADS:
            self.forget()
            self._keys = revision
        self._heads[data[:at] + data[cut:end]] = Seen(caller, own)

    def forget(self) -> None:
        """Forget all of them."""
        self._heads.clear()
        self._last = None

    def _found(self, data: bytes) -> tuple[bytes, bytes, Seen] | None:
        """Look for a head in the table."""
        at = data.find(_MARK) + 7
        cut = data.find(b"\r\n", at)
        before, behind = data[:at], data[cut : data.find(_END, cut) + 4]
        seen = self._heads.get(before + behind)
        if seen is None:
            return None
        self._last = before, behind, seen
        return self._last
