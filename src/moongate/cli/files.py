"""`moongate files`: files kept at the provider."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec

from moongate.cli.options import Asked, connecting
from moongate.errors import StorageError
from moongate.facts.files import PURPOSES, FileObject


@click.group("files")
def command() -> None:
    """Upload, list, show, fetch and delete files at the provider."""


@command.command("upload")
@click.argument("path", type=click.Path(dir_okay=False))
@click.option(
    "--purpose", type=click.Choice(PURPOSES), default="file-extract", show_default=True, help="What the file is for."
)
@connecting
def upload(asked: Asked, path: str, purpose: str) -> int:
    """Upload PATH, at most 100 MB. Of a batch file, the model of every line is checked first."""
    with asked.client() as client, asked.show.progress("upload") as draw:
        file = client.files.upload(path, purpose=purpose, progress=draw)
    return _one(asked, file)


@command.command("list")
@connecting
def list_(asked: Asked) -> int:
    """List the account's files."""
    with asked.client() as client:
        files = client.files.list()
    if asked.show.json:
        asked.show.document({"files": [_document(file) for file in files]})
    else:
        rows = [(f.id, f.filename, str(f.bytes), f.purpose, f.status, _date(f.created_at)) for f in files]
        asked.show.table(("id", "name", "bytes", "purpose", "status", "created"), rows)
    return 0


@command.command("show")
@click.argument("file_id")
@connecting
def show(asked: Asked, file_id: str) -> int:
    """Show one file."""
    with asked.client() as client:
        return _one(asked, client.files.show(file_id))


@command.command("get")
@click.argument("file_id")
@click.option("-o", "--output", metavar="PATH", type=click.Path(dir_okay=False), help="Write it there.")
@connecting
def get(asked: Asked, file_id: str, output: str | None) -> int:
    """Fetch what a file holds: extracted text, or the lines of a batch."""
    with asked.client() as client:
        content = client.files.content(file_id)
    if output is not None:
        _save(Path(output), content)
        asked.show.talk(f"saved {output}")
    elif asked.show.json:
        asked.show.document({"id": file_id, "content": content.decode("utf-8", "replace")})
    else:
        asked.show.raw(content)
    return 0


@command.command("delete")
@click.argument("file_id")
@connecting
def delete(asked: Asked, file_id: str) -> int:
    """Delete a file."""
    with asked.client() as client:
        gone = client.files.delete(file_id)
    if asked.show.json:
        asked.show.document({"id": file_id, "deleted": gone})
    else:
        asked.show.talk(f"{'deleted' if gone else 'not deleted:'} {file_id}")
    return 0 if gone else 1


def _one(asked: Asked, file: FileObject) -> int:
    if asked.show.json:
        asked.show.document(_document(file))
    else:
        details = f" ({file.status_details})" if file.status_details else ""
        asked.show.data(f"{file.id}  {file.filename}  {file.bytes} bytes  {file.purpose}  {file.status}{details}")
    return 0


def _document(file: FileObject) -> dict[str, Any]:
    return msgspec.structs.asdict(file)


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def _save(path: Path, content: bytes) -> None:
    """Write in one step, so that a full disk leaves no half file under the name."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StorageError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
