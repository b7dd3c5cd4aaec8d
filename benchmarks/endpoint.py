"""An endpoint that costs as little as Python can: one list, one answer of about 400 bytes, one stream of 20 events.

For measuring what stands in front of it. Run as a program it prints its port. A body with `HOLD` in it gets the first
event of a stream and then nothing more; `FAST` gets the whole stream in one piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource

import uvloop

MODEL = "kimi-k2.6"
EVENTS = 20
PAUSE_S = 0.001
PRICE = {"prompt": "0.00000095", "completion": "0.000004", "input_cache_read": "0.00000016", "currency": "USD"}
USAGE = {"prompt_tokens": 19, "completion_tokens": 21, "total_tokens": 40, "cached_tokens": 8}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\nmsh-request-id: 0123456789abcdef\r\n"
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def _event(choices: list[object], **more: object) -> bytes:
    shared = {"id": "cmpl-04ea926191a14749b7f2c7a48a68abc6", "object": "chat.completion.chunk"}
    data = b"data: " + _json({**shared, "created": 1798999496, "model": MODEL, "choices": choices, **more}) + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _delta(text: str) -> bytes:
    return _event([{"index": 0, "delta": {"content": text}, "finish_reason": None}])


LIST = _whole(_json({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "moonshot",
    "context_length": 262144, "pricing": PRICE}]}))  # fmt: skip
MESSAGE = {"role": "assistant", "content": "Hello! What can I do for you today? " * 2}
PLAIN = _whole(_json({"id": "cmpl-04ea926191a14749b7f2c7a48a68abc6", "object": "chat.completion",
    "created": 1798999496, "model": MODEL, "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    "usage": USAGE}))  # fmt: skip
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"msh-request-id: 0123456789abcdef\r\ntransfer-encoding: chunked\r\n\r\n"
)
DONE = b"data: [DONE]\n\n"
STREAM = [
    *(_delta("word ") for _ in range(EVENTS - 2)),
    _event([{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]),
    _event([], usage=USAGE) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(DONE), DONE),
]


class Endpoint(asyncio.Protocol):
    """One connection; requests come one after another, each with a Content-Length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get "):
            self.transport.write(LIST)
        elif b'"stream":true' not in body.replace(b" ", b""):
            self.transport.write(PLAIN)
        elif b"FAST" in body:
            self.transport.write(HEAD + b"".join(STREAM))
        else:
            self.transport.write(HEAD + STREAM[0])
            if b"HOLD" not in body:
                asyncio.get_running_loop().call_later(PAUSE_S, self.go_on, 1)

    def go_on(self, number: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(STREAM[number])
        if number + 1 < len(STREAM):
            asyncio.get_running_loop().call_later(PAUSE_S, self.go_on, number + 1)


async def main() -> None:
    """Serve on a free loopback port until the process is ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = await asyncio.get_running_loop().create_server(Endpoint, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
