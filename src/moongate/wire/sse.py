"""Server-sent events out of bytes, however they are split.

`Decoder.feed` takes what arrived and returns the events that are complete; it does not know what the data means.
Follows the WHATWG event-stream format, comments skipped (`: OPENROUTER PROCESSING`).
"""

from __future__ import annotations

from moongate.errors import BrokenStreamError, TooLargeError

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"  # may stand at the very beginning, and is no part of the first line


class Decoder:
    """Collect lines into events; only their `data` is kept."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._line_so_far: list[bytes] = []  # pieces of a line that has not ended: joined once, when it does
        self._line_size = 0
        self._held = b""  # what must wait for its next byte: half of a CRLF, or the beginning of a byte order mark
        self._data: list[bytes] = []
        self._size = 0
        self._started = False

    def feed(self, piece: bytes) -> list[str]:
        """Return the data of every event that `piece` completes.

        Raises TooLargeError for an event beyond the limit, BrokenStreamError for one that is not UTF-8.
        """
        *ended, rest = self._split(piece)
        events = []
        for end in ended:
            line = b"".join([*self._line_so_far, end])
            self._line_so_far, self._line_size = [], 0
            event = self._line(line)
            if event is not None:
                events.append(event)
        if rest:
            self._line_so_far.append(rest)
            self._line_size += len(rest)
        if self._size + self._line_size > self._max:
            raise TooLargeError(f"One event of the stream is larger than {self._max} bytes.")
        return events

    def _split(self, piece: bytes) -> list[bytes]:
        """Return the piece cut at line ends; the last part is the beginning of a line that goes on."""
        text, self._held = self._held + piece, b""
        if not self._started:
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._held = text
                return [b""]
            self._started = True
            text = text.removeprefix(_BOM)
        if text.endswith(b"\r"):
            text, self._held = text[:-1], b"\r"
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")

    def _line(self, line: bytes) -> str | None:
        if not line:
            return self._event()
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._size += len(value) + 1  # a line without data still takes its place
        return None

    def _event(self) -> str | None:
        if not self._data:
            return None
        data, self._data, self._size = b"\n".join(self._data), [], 0
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BrokenStreamError("The stream carries bytes that are not UTF-8.") from error
