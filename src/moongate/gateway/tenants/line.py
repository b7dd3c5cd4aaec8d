"""A batch's lines as chats of the gateway: route, guard, money, ledger and fallbacks are those of any other chat."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NoReturn

from moongate.errors import (
    AuthenticationError,
    InsufficientBalanceError,
    RequestRefusedError,
    StorageError,
    UnavailableError,
    WrongRegionError,
)
from moongate.gateway import replies
from moongate.gateway.asked import Asked, asked_from
from moongate.gateway.errand import Errand
from moongate.gateway.relay import NOWHERE
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller
from moongate.wire.replies import Reply

if TYPE_CHECKING:
    from moongate.batch.upstream import Sender
    from moongate.gateway.relay import Relay

OPERATORS = frozenset({InsufficientBalanceError.kind, AuthenticationError.kind, WrongRegionError.kind})


class Errands:
    """What a batch of one key is sent through, a line at a time."""

    row = NOWHERE
    secrets: tuple[str, ...] = ()

    def __init__(self, relay: Relay, key_id: int) -> None:
        self._relay = relay
        self._key_id = key_id

    def check(self, body: bytes) -> None:
        """Read a body as the gateway reads those of chats; its models are looked up when it leaves."""
        asked_from(body)

    async def send(self, body: bytes) -> Reply:
        """Send a body as a chat of the key's account, and return what that chat would have been answered.

        Raises UnavailableError where nothing was charged and a later try may do better.
        """
        try:
            caller = self._relay.till.caller_of(self._key_id)
        except StorageError as error:
            raise _later(error.message) from error
        if caller is None:
            return _reply(replies.WRONG_KEY)
        errand = _Line(self._relay)
        errand.run(caller, asked_from(body))
        try:
            return await errand.reply
        except asyncio.CancelledError:
            errand.cancel("lost")
            raise


class _Line(Errand):
    """One line; its answer is a future."""

    __slots__ = ("reply",)

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.began = time.perf_counter()
        self.response_started = False
        self.traceparent = None
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def run(self, caller: Caller, asked: Asked) -> None:
        """Find the route and the money, and send it. Raises RequestRefusedError for one that asks for a stream."""
        if asked.stream:
            raise RequestRefusedError("A line of a batch cannot be streamed, so nothing was sent.")
        super().run(caller, asked)

    def refuse(self, refusal: Refusal) -> None:
        """Take a no: an answer, or nothing yet where the gateway or its operator's account is the reason."""
        if self.reply.done():
            return
        operators = self._sent and refusal.code in OPERATORS
        if operators or (not self._sent and refusal.status >= 500):
            self.reply.set_exception(_later(refusal.message))
        else:
            self.reply.set_result(_reply(refusal))

    def answer(self, whole: bytes) -> None:
        """Take the answer, with a head that no line needs."""
        head, _, body = whole.partition(b"\r\n\r\n")
        if not self.reply.done():
            self.reply.set_result(Reply(status=200, headers=_headers(head), body=body))

    def begin(self, head: bytes) -> NoReturn:
        """Never: no line is streamed."""
        raise AssertionError("a line of a batch was streamed")

    def write(self, piece: bytes) -> NoReturn:
        """Never: no line is streamed."""
        raise AssertionError("a line of a batch was streamed")

    def end(self, piece: bytes) -> NoReturn:
        """Never: no line is streamed."""
        raise AssertionError("a line of a batch was streamed")

    def lines(self) -> bytes:
        """Return no header lines."""
        return b""

    def cut_off(self) -> None:
        """End it because the gateway ends."""
        self.cancel("lost")
        if not self.reply.done():
            self.reply.set_exception(_later(replies.ENDING.message, sent=self._sent))


def _later(message: str, *, sent: bool = False) -> UnavailableError:
    error = UnavailableError(message)
    error.sent = sent
    return error


def _reply(refusal: Refusal) -> Reply:
    return Reply(status=refusal.status, headers=dict(refusal.headers), body=refusal.body)


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, _, value in pairs}


if TYPE_CHECKING:

    def _conforms(errands: Errands) -> Sender:
        return errands
