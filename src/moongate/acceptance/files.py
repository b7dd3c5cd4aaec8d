"""Probes of the Files API: which purposes are taken, what a file says of itself. Each file is deleted again."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from moongate.acceptance import judges
from moongate.acceptance.judges import Judge
from moongate.acceptance.probe import CALM, CHAT, SWITCHED, TOKENS, Ask, File, Probe, Subject
from moongate.acceptance.queued import lines

FILES = "/files"
MEDIUM_TOKENS = 8_192  # for a picture of one pixel
TEXT = "The moon stands over the gate."
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NO_FILM = (
    b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"  # only the beginning of one: the purpose is the question
)
FIELDS = ("id", "object", "bytes", "created_at", "filename", "purpose", "status")
DOCUMENTED = "specification (2026-08-17); an error page names only file-extract, a later page six"
CONTRADICTED = "documentation (2026-08-13), which another page of it contradicts"


def files() -> Iterator[Probe]:
    """Uploads, which cost nothing (documentation, 2026-08-13), and one small chat about a picture."""
    text, picture = File(name="m.txt", purpose="file-extract", content=TEXT.encode()), _picture("image")
    for file in (text, picture, File(name="m.mp4", purpose="video", content=NO_FILM)):
        yield _taken(file)
    yield Probe(
        id="purpose-batch",
        fact="A file of purpose batch is taken",
        question="Is this purpose accepted?",
        rests_on=DOCUMENTED,
        build=lambda subject: _uploaded(lines(subject)),
        judge=judges.purpose_taken,
    )
    for purpose in ("batch_output", "lambda"):
        yield Probe(
            id=f"purpose-{purpose}",
            fact=f"A file of purpose {purpose} is refused",
            question="Is this purpose refused?",
            rests_on=DOCUMENTED,
            build=plain_upload(File(name="m.txt", purpose=purpose, content=TEXT.encode())),
            judge=judges.refused("purpose"),
        )
    yield _about(
        "file-empty",
        "An empty file is refused",
        plain_upload(File(name="m.txt", purpose="file-extract", content=b"")),
        judges.refused("zero", "empty"),
        "documentation of errors (2026-08-13)",
    )
    yield _about(
        "file-image-text",
        "An image of purpose file-extract is taken and read",
        plain_upload(_picture("file-extract")),
        judges.accepted,
        CONTRADICTED,
    )
    yield _about("file-fields", f"A file has {', '.join(FIELDS)}", _and(text, ""), judges.has_fields(*FIELDS))
    yield _about("file-content", "The content of a file is its text", _and(text, "/content"), judges.tells(TEXT))
    yield _about("file-deleted", "A deleted file is gone", _deleted(text), judges.gone)
    yield Probe(
        id="image-by-id",
        fact="An uploaded image is taken as ms:// and its id",
        question="Is an image by its id accepted?",
        rests_on="documentation (2026-08-13)",
        build=_by_id,
        judge=judges.accepted,
        families=("k3", "k2.7-code", *SWITCHED),
    )


def plain_upload(file: File) -> Callable[[Subject], tuple[Ask, ...]]:
    """Return what builds the upload of a file, and its deletion."""
    return lambda subject: _uploaded(file)


def _about(
    id_: str,
    fact: str,
    build: Callable[[Subject], tuple[Ask, ...]],
    judge: Judge,
    rests_on: str = "specification (2026-08-17)",
) -> Probe:
    return Probe(
        id=id_, fact=fact, question="Does it hold for a small file?", rests_on=rests_on, build=build, judge=judge
    )


def _taken(file: File) -> Probe:
    return Probe(
        id=f"purpose-{file.purpose}",
        fact=f"A file of purpose {file.purpose} is taken",
        question="Is this purpose accepted?",
        rests_on=DOCUMENTED,
        build=plain_upload(file),
        judge=judges.purpose_taken,
    )


def _picture(purpose: str) -> File:
    return File(name="m.png", purpose=purpose, content=PIXEL)


def _uploaded(file: File, *more: Ask) -> tuple[Ask, ...]:
    delete = Ask(method="DELETE", path="/files/{0.id}", is_cleanup=True)
    return (Ask(method="POST", path=FILES, file=file), *more, delete)


def _and(file: File, what: str) -> Callable[[Subject], tuple[Ask, ...]]:
    return lambda subject: _uploaded(file, Ask(method="GET", path="/files/{0.id}" + what))


def _deleted(file: File) -> Callable[[Subject], tuple[Ask, ...]]:
    delete, show = (Ask(method=method, path="/files/{0.id}") for method in ("DELETE", "GET"))
    return lambda subject: _uploaded(file, delete, show)


def _by_id(subject: Subject) -> tuple[Ask, ...]:
    parts = [
        {"type": "image_url", "image_url": {"url": "ms://{0.id}"}},
        {"type": "text", "text": "Say hi."},
    ]
    fields = {
        "model": subject.model,
        "messages": [{"role": "user", "content": parts}],
        "max_completion_tokens": TOKENS,
        **(CALM if subject.family in SWITCHED else {}),
    }
    ask = Ask(method="POST", path=CHAT, fields=fields, worst_tokens=TOKENS, more_prompt=MEDIUM_TOKENS)
    return _uploaded(_picture("image"), ask)
