"""The raw pool against servers that send whatever bytes a test gives them, on asyncio's loop and on uvloop's."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from moongate.errors import MoongateError, TimedOutError, TooLargeError, UnreachableError
from moongate.facts.providers import Provider
from moongate.transport.pool import Headers, Limits, Pool, Timeouts

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Kind: a\r\n\r\nhi"
QUICK = Timeouts(connect_s=2, write_s=0.3, first_byte_s=0.3, silence_s=0.3, idle_s=0.3)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on one of the loops."""
    factory = importlib.import_module("uvloop").new_event_loop if request.param == "uvloop" else None

    def running(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(coroutine, 20))

    return running


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(size)


@dataclass
class Server:
    """Answers each request with the next of `answers` (the last one again and again); None closes."""

    answers: list[list[bytes] | None]
    pause_s: float = 0.0
    hold: bool = False  # wait for the other side to close after an answer
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                self.requests.append(await read_request(reader))
                pieces = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                for piece in pieces or []:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(self.pause_s)
                if self.hold:
                    await reader.read()
                if pieces is None:
                    return


def row(port: int) -> Provider:
    return Provider(name="x", title="Example", base_url=f"http://127.0.0.1:{port}/v1")


@contextlib.asynccontextmanager
async def opened(handler: Handler | Server, **options: Any) -> AsyncIterator[Pool]:
    serve = handler.serve if isinstance(handler, Server) else handler
    serving: set[asyncio.Task[Any]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await serve(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(tracked, "127.0.0.1", 0)
    try:
        async with Pool(row(server.sockets[0].getsockname()[1]), **options) as pool:
            yield pool
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0.01)  # uvloop closes sockets in its next turns


async def ask(pool: Pool, **more: Any) -> Any:
    return await pool.exchange(b"POST", b"/v1/chat/completions", b"x-a: 1\r\n", b"{}", **more)


async def until(holds: Callable[[], object]) -> None:
    """Wait for a condition; `run` bounds how long."""
    while not holds():
        await asyncio.sleep(0.01)


def test_an_exchange_and_the_connection_that_is_kept(run: Run) -> None:
    async def check() -> None:
        server = Server([[OK]])
        async with opened(server) as pool:
            for _ in range(3):
                reply = await ask(pool)
            assert (reply.status, reply.body, reply.headers["x-kind"]) == (200, b"hi", "a")
            assert (server.connections, pool.size) == (1, 1)
        (first, *_) = server.requests
        assert first.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:")
        assert first.endswith(b"\r\nx-a: 1\r\ncontent-length: 2\r\n\r\n{}")

    run(check())


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([CHUNKED], b"hello"),
        ([bytes([one]) for one in CHUNKED], b"hello"),
        ([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK], b"hi"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"], b"busy"),
        (
            [b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\nx: content-length:9\r\n\r\nwell"],
            b"well",
        ),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwe", b"ll"], b"well"),
    ],
)
def test_bodies_however_they_are_framed_and_split(run: Run, pieces: list[bytes], body: bytes) -> None:
    async def check() -> None:
        server = Server([pieces])
        async with opened(server) as pool:
            assert [(await ask(pool)).body for _ in range(2)] == [body, body]
            assert server.connections == 1

    run(check())


def test_a_body_that_ends_with_the_connection(run: Run) -> None:
    async def check() -> None:
        async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end")
            writer.close()

        async with opened(until_closed) as pool:
            assert (await ask(pool)).body == b"to the end"
            assert pool.size == 0

    run(check())


BROKEN = [
    (None, UnreachableError, "closed by the other side"),
    ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", None], UnreachableError, "closed by the other side"),
    ([b"220 smtp.example ready\r\n"], UnreachableError, "not HTTP/1.1"),
    ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"], UnreachableError, "not HTTP"),
    ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n"], UnreachableError, "not HTTP"),
    ([b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], UnreachableError, "not HTTP/1.1"),
    ([OK + OK], UnreachableError, "more than one answer"),
    ([b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200], UnreachableError, "more than 128 headers"),
    ([b"HTTP/1.1 200 OK\r\na: ", *[b"x" * 10_000] * 10], TooLargeError, "headers without end"),
    ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"], TimedOutError, "fell silent"),
    ([b""], TimedOutError, "did not answer in time"),
    ([b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000], TooLargeError, "larger than 1000 bytes"),
]


@pytest.mark.parametrize(("pieces", "kind", "words"), BROKEN)
def test_what_goes_wrong_is_told_and_may_have_been_sent(
    run: Run, pieces: list[bytes | None] | None, kind: type[MoongateError], words: str
) -> None:
    async def check() -> None:
        closes = pieces is None or None in pieces
        server = Server([None if pieces is None else [piece for piece in pieces if piece is not None]])

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if closes:
                await read_request(reader)
                writer.write(b"".join(piece for piece in pieces or () if piece))
                writer.close()
            else:
                await server.serve(reader, writer)

        async with opened(serve, timeouts=QUICK) as pool:
            with pytest.raises(kind, match=words) as caught:
                await ask(pool, max_reply_bytes=1000)
            assert caught.value.sent
            assert pool.size == 0

    run(check())


def test_a_closed_port_is_told_as_not_sent(run: Run) -> None:
    async def check() -> None:
        async with opened(Server([[OK]])) as pool:
            pass
        async with Pool(row(1)) as pool:
            with pytest.raises(UnreachableError, match="could not be reached") as caught:
                await ask(pool)
            assert not caught.value.sent

    run(check())


def test_a_deadline_ends_an_exchange(run: Run) -> None:
    async def check() -> None:
        server = Server(
            [[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 1000]], pause_s=0.01
        )
        async with opened(server, timeouts=Timeouts(idle_s=0.1)) as pool:
            with pytest.raises(TimedOutError):
                await ask(pool, deadline_s=0.2)

    run(check())


def test_a_kept_connection_that_was_closed_is_not_used(run: Run) -> None:
    async def check() -> None:
        async def one_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(OK)
            writer.close()

        async with opened(one_each) as pool:
            for _ in range(3):
                assert (await ask(pool)).body == b"hi"
                await until(lambda: pool.size == 0)

    run(check())


@pytest.mark.parametrize("extra", [b"", b"keep-alive: timeout=1\r\n"])
def test_an_idle_connection_is_closed_in_time(run: Run, extra: bytes) -> None:
    async def check() -> None:
        server = Server([[OK.replace(b"X-Kind: a\r\n", extra)]])
        async with opened(server, timeouts=Timeouts(idle_s=60 if extra else 0.2, silence_s=0.5)) as pool:
            await ask(pool)
            assert pool.size == 1
            await until(lambda: pool.size == 0)

    run(check())


def test_bytes_that_nobody_asked_for_close_the_connection(run: Run) -> None:
    async def check() -> None:
        async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    await read_request(reader)
                    writer.write(OK)
                    await asyncio.sleep(0.02)
                    writer.write(OK.replace(b"hi", b"no"))

        async with opened(talkative) as pool:
            for _ in range(3):
                assert (await ask(pool)).body == b"hi"
                await asyncio.sleep(0.05)

    run(check())


def test_no_more_connections_than_allowed_and_those_who_wait_get_their_turn(run: Run) -> None:
    async def check() -> None:
        server = Server([[OK]], pause_s=0.01)
        async with opened(server, limits=Limits(max_connections=3)) as pool:
            replies = await asyncio.gather(*(ask(pool) for _ in range(30)))
            assert {reply.body for reply in replies} == {b"hi"}
            assert server.connections == 3

    run(check())


def test_turns_go_on_when_connections_break_and_callers_leave(run: Run) -> None:
    async def check() -> None:
        server = Server([None, [OK], None, [OK]], pause_s=0.01)
        async with opened(server, limits=Limits(max_connections=1)) as pool:
            asked = [asyncio.create_task(ask(pool)) for _ in range(8)]
            await asyncio.sleep(0.005)
            asked[3].cancel()
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 5
            assert sum(isinstance(outcome, UnreachableError) for outcome in outcomes) == 2
            assert isinstance(outcomes[3], asyncio.CancelledError)

    run(check())


def test_who_waits_too_long_or_behind_too_many_is_told(run: Run) -> None:
    async def check() -> None:
        server = Server([[OK]], hold=True)
        async with opened(server, limits=Limits(max_connections=1, max_waiting=1)) as pool:
            connection = await pool.open()
            waits = asyncio.create_task(pool.open(within_s=0.1))
            await asyncio.sleep(0.01)
            with pytest.raises(UnreachableError, match="wait already") as full:
                await pool.open()
            with pytest.raises(TimedOutError, match="became free") as late:
                await waits
            assert not full.value.sent
            assert not late.value.sent
            connection.abort()
            assert (await pool.open()).is_usable

    run(check())


def test_a_cancelled_exchange_closes_its_connection(run: Run) -> None:
    async def check() -> None:
        server = Server([[b""]], hold=True)
        async with opened(server) as pool:
            asked = asyncio.create_task(ask(pool))
            await until(lambda: server.requests)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert pool.size == 0

    run(check())


def test_closing_the_pool_ends_what_is_under_way(run: Run) -> None:
    async def check() -> None:
        server = Server([[b""]], hold=True)
        async with opened(server, limits=Limits(max_connections=1)) as pool:
            asked = [asyncio.create_task(ask(pool)) for _ in range(2)]
            await until(lambda: server.requests)
            await pool.close()
            under_way, waiting = await asyncio.gather(*asked, return_exceptions=True)
            assert isinstance(under_way, UnreachableError)
            assert under_way.sent
            assert isinstance(waiting, UnreachableError)
            assert not waiting.sent
            with pytest.raises(UnreachableError):
                await ask(pool)

    run(check())


@dataclass
class Slow:
    """A sink that reads nothing for a while."""

    connection: Any
    received: int = 0
    ended: bool = False
    error: MoongateError | None = None

    def on_head(self, status: int, headers: Headers) -> None:
        self.connection.pause()

    def on_body(self, piece: bytes) -> None:
        self.received += len(piece)

    def on_end(self) -> None:
        self.ended = True

    def on_whole(self, head: bytes, body: bytes) -> None:
        self.on_body(body)
        self.on_end()

    def on_error(self, error: MoongateError) -> None:
        self.error = error


def test_a_sink_that_pauses_holds_the_endpoint_back(run: Run) -> None:
    async def check() -> None:
        written = 0
        total = 64 * 2**20

        async def pouring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
            while written < total:
                writer.write(b"x" * 2**16)
                written += 2**16
                await writer.drain()

        async with opened(pouring, timeouts=QUICK) as pool:
            connection = await pool.open()
            sink = Slow(connection)
            connection.send(pool.request(b"POST", b"/", b"", b""), sink)
            await asyncio.sleep(0.8)  # longer than any time-out: a paused sink is not the endpoint's fault
            assert written < total / 2
            assert sink.error is None
            connection.resume()
            await until(lambda: sink.ended or sink.error)
            assert (sink.error, sink.received) == (None, total)

    run(check())


def test_a_process_that_stood_still_does_not_blame_the_endpoint(run: Run) -> None:
    async def check() -> None:
        server = Server([[b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"h", b"i"]], pause_s=0.1)
        async with opened(server, timeouts=QUICK) as pool:
            asked = asyncio.create_task(ask(pool))
            await until(lambda: server.requests)
            time.sleep(0.6)
            assert (await asked).body == b"hi"

    run(check())


def test_an_endpoint_that_takes_no_bytes_is_told(run: Run) -> None:
    async def check() -> None:
        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(3)
            writer.close()

        async with opened(deaf, timeouts=QUICK) as pool:
            with pytest.raises(TimedOutError, match="took no more bytes"):
                await pool.exchange(b"POST", b"/", b"", b"x" * 50_000_000)

    run(check())


def test_an_answer_before_the_end_of_the_request_ends_the_connection(run: Run) -> None:
    async def check() -> None:
        async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.read()
            writer.close()

        async with opened(hasty) as pool:
            connection = await pool.open()
            sink = Slow(connection)
            connection.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n", sink, more=True)
            connection.resume()
            while not sink.ended:
                await asyncio.sleep(0.01)
                connection.resume()
            connection.write(b"late", more=False)
            assert pool.size == 0

    run(check())


@pytest.mark.parametrize("target", [b"v1", b"/a b", b"/a\r\nx: y", b""])
def test_a_target_that_would_break_out_is_refused(run: Run, target: bytes) -> None:
    async def check() -> None:
        async with Pool(row(1)) as pool:
            with pytest.raises(ValueError, match="first line"):
                pool.request(b"GET", target, b"", b"")

    run(check())
