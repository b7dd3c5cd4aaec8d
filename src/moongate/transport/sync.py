"""The blocking driver: httpx2 underneath, every decision above.

It sends what it is told, bounds what it reads in size and time, and reports; whether to send again is decided by
`moongate.wire.retry`.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx2

from moongate import errors
from moongate.facts.keys import Key
from moongate.facts.providers import Provider
from moongate.transport import network as net
from moongate.transport.turns import turns_of
from moongate.wire.calls import Call
from moongate.wire.replies import Reply
from moongate.wire.retry import Attempts, Policy, Sleep, attempts

if TYPE_CHECKING:
    from moongate.wire.upstream import Upstream

T = TypeVar("T")
log = logging.getLogger("moongate")


class Door:
    """One endpoint, reached with one key. Thread-safe, as httpx2's client is."""

    def __init__(
        self, row: Provider, key: Key | None, network: net.Network | None = None, *, policy: Policy | None = None
    ) -> None:
        self.row = row
        self._key = key
        self._network = network or net.Network()
        self._policy = policy or Policy()
        self._turns = turns_of(row, key)
        self._client = httpx2.Client(**net.client_options(row, self._network))

    def call(self, call: Call[T]) -> T:
        """Send a call, again where that is safe, and return what its answer says.

        Raises the MoongateError that the last try stands for.
        """
        steps = self._attempts(call)
        outcome: Reply | errors.MoongateError | None = None
        step = next(steps)
        while True:
            if isinstance(step, Sleep):
                time.sleep(step.seconds)
                outcome = None
            else:
                with self._turn(call):
                    outcome = self._try(call)
            self._learn(call, outcome)
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                return call.decode(done.value)

    @contextmanager
    def stream_call(self, call: Call[Any]) -> Iterator[Iterator[bytes]]:
        """Send a call, again where that is safe, and yield the body's pieces as they arrive."""
        steps = self._attempts(call)
        step = next(steps)
        while True:
            with ExitStack() as opened:
                outcome: Reply | errors.MoongateError | None = None
                pieces: Iterator[bytes] = iter(())
                if isinstance(step, Sleep):
                    time.sleep(step.seconds)
                else:
                    opened.enter_context(self._turn(call))
                    try:
                        outcome, pieces = opened.enter_context(self.stream(call))
                    except errors.MoongateError as error:
                        outcome = error
                self._learn(call, outcome)
                try:
                    step = steps.send(outcome)
                except StopIteration:
                    yield pieces
                    return

    def exchange(self, call: Call[Any]) -> Reply:
        """Send once and return the reply, whatever its status."""
        ends = self._end()
        try:
            with self._open(call) as response:
                return Reply(
                    status=response.status_code, headers=dict(response.headers), body=self._read(response, call, ends)
                )
        except net.TRANSPORT_ERRORS as error:
            raise net.error_of(error, self.row, self._key) from error

    @contextmanager
    def stream(self, call: Call[Any]) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """Send once and yield the head with the body's pieces as they arrive.

        The body of a failed status is read whole, into the head, and there are no pieces.
        """
        ends = self._end()
        try:
            with self._open(call) as response:
                head = Reply(status=response.status_code, headers=dict(response.headers))
                if head.ok:
                    yield head, self._pieces(response)
                else:
                    yield replace(head, body=self._read(response, call, ends)), iter(())
        except net.TRANSPORT_ERRORS as error:
            raise net.error_of(error, self.row, self._key) from error

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempts(self, call: Call[Any]) -> Attempts:
        secrets = (self._key.reveal(),) if self._key else ()
        return attempts(call, self.row, policy=self._policy, jitter=random.random(), secrets=secrets)  # noqa: S311

    @contextmanager
    def _turn(self, call: Call[Any]) -> Iterator[None]:
        """Hold a call that names a model back while the limits that were learned say so; count it while it runs."""
        if call.model is None:
            yield
            return
        for pause in self._turns.pauses(self.row.title, call.body or b"", call.model):
            time.sleep(pause)
        try:
            yield
        finally:
            self._turns.over()

    def _learn(self, call: Call[Any], outcome: Reply | errors.MoongateError | None) -> None:
        if isinstance(outcome, Reply) and outcome.status == 429:
            self._turns.learn(outcome.body.decode("utf-8", "replace"), call.body or b"", call.model or "")

    def _try(self, call: Call[Any]) -> Reply | errors.MoongateError:
        try:
            return self.exchange(call)
        except errors.MoongateError as error:
            return error

    def _open(self, call: Call[Any]) -> AbstractContextManager[httpx2.Response]:
        headers = net.headers_for(call, self.row, self._key)
        return self._client.stream(call.method, call.url, content=net.body_of(call), headers=headers)

    def _end(self) -> float | None:
        """Return when an exchange that begins now must be over, on the monotonic clock."""
        limit_s = self._network.total_timeout_s
        return None if limit_s is None else time.monotonic() + limit_s

    def _pieces(self, response: httpx2.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes()
        except net.TRANSPORT_ERRORS as error:
            raise net.error_of(error, self.row, self._key) from error

    def _read(self, response: httpx2.Response, call: Call[Any], ends: float | None) -> bytes:
        body = bytearray()
        for piece in self._pieces(response):
            body += piece
            if len(body) > call.max_reply_bytes:
                raise net.too_large(self.row, call)
            if ends is not None and time.monotonic() > ends:
                raise net.out_of_time(self.row, self._network.total_timeout_s or 0.0)
        return bytes(body)


if TYPE_CHECKING:

    def _conforms(door: Door) -> Upstream:
        return door
