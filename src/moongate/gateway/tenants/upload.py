"""One upload: a multipart body taken apart as it arrives, its file written to the disk and never whole in memory."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from moongate.errors import StorageError
from moongate.facts.files import MAX_FILE_BYTES
from moongate.gateway.tenants.asked import Unfit

FIELD_MAX_BYTES = 1024  # of what is no file
PARTS_MAX = 16
NAME_MAX = 255


class Upload:
    """Takes the pieces of a body; the file lies at `path` (0600) when it is `done`. Leaving a `with` removes it."""

    def __init__(self, content_type: str, path: Path) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise Unfit("Content-Type must be multipart/form-data with a boundary")
        self._path = path
        self._file: BinaryIO | None = None
        self._fields: dict[str, bytes] = {}
        self._name = ""  # of the part that arrives
        self._header = (b"", b"")
        self._disposition = b""
        self._parts = 0
        self._whole = False
        self.filename: str | None = None
        self.size = 0
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_end": self._ends,
                },
            )
        except FormParserError as error:
            raise Unfit(f"the multipart body cannot be read: {error}") from error

    @property
    def purpose(self) -> str:
        """What the file is for, as it was given; "" where it was not."""
        return self._fields.get("purpose", b"").decode("utf-8", "replace")

    @property
    def is_too_large(self) -> bool:
        """Whether the file has more bytes than one may have; no more of it is written then."""
        return self.size > MAX_FILE_BYTES

    def feed(self, piece: bytes) -> None:
        """Take a piece. Raises Unfit for what is no multipart body, StorageError for a disk that refuses."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise Unfit(f"the multipart body cannot be read: {error}") from error
        except OSError as error:
            raise _refused(self._path, error) from error

    def done(self) -> None:
        """Have the whole file on the disk. Raises Unfit where the body did not come to its end, or has no file."""
        if not self._whole:
            raise Unfit("the multipart body does not come to its end")
        if self._file is None:
            raise Unfit("file is required")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _refused(self._path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)  # one that was kept has another name by now

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise Unfit(f"the multipart body has more than {PARTS_MAX} parts")
        self._header, self._disposition = (b"", b""), b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_ends(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in self._fields or (self._name == "file" and self._file is not None):
            raise Unfit(f"the multipart body has {self._name!r} twice")
        if self._name != "file":
            self._fields[self._name] = b""
            return
        if b"filename" not in options:
            raise Unfit("file is required")
        self.filename = _plain(options[b"filename"].decode("utf-8", "replace"))
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file" and self._file is not None:
            self.size += end - start
            if not self.is_too_large:
                self._file.write(data[start:end])
            return
        self._fields[self._name] += data[start:end]
        if len(self._fields[self._name]) > FIELD_MAX_BYTES:
            raise Unfit(f"the field {self._name[:80]!r} is longer than {FIELD_MAX_BYTES} bytes")

    def _ends(self) -> None:
        self._whole = True


def _plain(name: str) -> str:
    """Return a file's name as it is shown; it names nothing on the disk."""
    shown = "".join(c if c.isprintable() else "?" for c in name.replace("\\", "/").rpartition("/")[2])
    return shown[:NAME_MAX] or "upload"


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{str(path)!r} cannot be written: {error.strerror or error}.", advice="Free some space.")
