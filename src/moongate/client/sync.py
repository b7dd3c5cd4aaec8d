"""The blocking client."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from moongate.client.arguments import Function
from moongate.client.batches import Batches
from moongate.client.build import Parts, parts
from moongate.client.files import Files
from moongate.client.guard import Guard
from moongate.client.media import extracted_message, media_from
from moongate.client.plan import Prepared, chosen_model, complete, estimate_call, prepare
from moongate.client.run import Ask, Run, conversation, with_reasoning_kept
from moongate.client.structured import Parsed, response_format, value_in
from moongate.client.tools import tools_from
from moongate.client.upstream import GuardedUpstream
from moongate.errors import AnswerError, ModelNotPermittedError, MoongateError, StorageError
from moongate.facts.chat import Answer, Chunk, Message
from moongate.facts.models import Listing, Verdict
from moongate.facts.money import Balance
from moongate.facts.providers import Provider
from moongate.settings.load import Flags, Settings, load
from moongate.wire import calls
from moongate.wire.calls import Call
from moongate.wire.media import Kind, uploaded_part
from moongate.wire.stream import ChatStream

T = TypeVar("T")
log = logging.getLogger("moongate")

if TYPE_CHECKING:
    from moongate.ledger.own import OwnLedger
    from moongate.transport.sync import Door


class Client:
    """One provider's endpoint, with one key, behind the guard. Thread-safe.

    Without arguments, provider, address and key come from the environment and the configuration files, as on the
    command line. Raises a ConfigError when they cannot work; no network is touched before the first call.
    """

    def __init__(
        self,
        provider: str | None = None,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        model: str | None = None,
        guard: str | None = None,
        rules: str | None = None,
        timeout: float | None = None,
        settings: Settings | None = None,
        ledger: OwnLedger | None = None,
        long_lived: bool = True,
    ) -> None:
        self.settings = settings or load(
            Flags(
                provider=provider,
                api_key=api_key,
                base_url=base_url,
                model=model,
                guard=guard,
                rules=rules,
                timeout=timeout,
            )
        )
        self._ledger = ledger
        self._parts: Parts = parts(self.settings, long_lived=long_lived)
        self._door: Door | None = None
        self._opening = threading.Lock()

    @property
    def provider(self) -> Provider:
        """The row of the endpoint in use."""
        return self._parts.row

    @property
    def has_key(self) -> bool:
        """Whether calls carry a key."""
        return self._parts.key is not None

    @property
    def files(self) -> Files:
        """The provider's Files API."""
        return Files(self)

    @property
    def batches(self) -> Batches:
        """The provider's batch API, one call each."""
        return Batches(self)

    @property
    def ledger(self) -> OwnLedger | None:
        """The ledger that it was handed."""
        return self._ledger

    @property
    def data_dir(self) -> Path:
        """The folder in which batch jobs are kept."""
        return self.settings.data_dir

    def upstream(self, *, connections: int = 256) -> GuardedUpstream:
        """Return the endpoint as the batch engine wants it, for one event loop; the caller closes it."""
        self._need_key()
        return GuardedUpstream(self._parts, connections=connections)

    @property
    def guard(self) -> Guard:
        """The guard in front of it."""
        return self._parts.guard

    def models(self, *, live: bool = False) -> Listing:
        """Return the live list, at most 10 minutes old; with `live`, asked for now."""
        catalog = self._parts.guard.catalog
        return catalog.now() if live else catalog.listing()

    def resolve(self, name: str) -> Verdict:
        """Return what `name` means at this endpoint. Sends nothing but, if needed, the request for the list."""
        return self._parts.guard.verdict(name)[0]

    def chat(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Answer:
        """Return one answer.

        `parameters` go into the body as they are (`max_tokens`, `temperature`, `thinking`, `tools`, …); those that
        are None are left out. Raises ModelRefusedError before anything is sent when the endpoint does not list the
        model. A chat is sent again only when it certainly was not taken: never after a time-out or a server error.
        """
        prepared = self._prepare(model, messages, parameters, extra_body, stream=False)
        try:
            with self._parts.explaining():
                answer = complete(self._network().call(prepared.call), prepared, self.provider)
        except ModelNotPermittedError as error:
            self.guard.denied(prepared.permit, error)
            raise
        self._write_down(answer)
        return answer

    def stream(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Stream:
        """Return an iterator of chunks; the request leaves at the first step. Parameters as for `chat`."""
        prepared = self._prepare(model, messages, parameters, extra_body, stream=True)
        return Stream(self._network(), prepared, self._parts, self._write_down)

    def run(
        self,
        *,
        messages: Sequence[Message],
        tools: Sequence[Function],
        model: str | None = None,
        max_turns: int = 10,
        **parameters: Any,
    ) -> Run:
        """Return how a conversation went in which the model may call Python functions.

        Their schemas come from their type hints. Calls of one answer are answered together; ids are opaque, and
        `reasoning_content` goes back only to endpoints that want it, with `thinking.keep` set to "all" where the
        model takes it and `thinking` does not say otherwise. Other parameters as for `chat`.
        """
        known = tools_from(tools)
        parameters["tools"] = [tool.definition for tool in known.values()]
        permit = self._parts.guard.allow(self.model_name(model))
        parameters = with_reasoning_kept(parameters, permit.id, self.provider)
        steps = conversation(messages, known, self.provider, max_turns=max_turns)
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                result: Run = done.value
                return result
            if isinstance(step, Ask):
                outcome = self.chat(messages=step.messages, model=model, **parameters)
            else:
                outcome = [tool.function(**given) for _, tool, given in step.calls]

    def parse(
        self,
        wanted: Any,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        again: int = 0,
        **parameters: Any,
    ) -> Parsed[Any]:
        """Return an answer that fits `wanted`: a pydantic model class, a type msgspec knows, or a JSON schema.

        An answer that does not fit raises AnswerError; with `again`, it is asked for so many times more (each try
        is charged). Other parameters as for `chat`.
        """
        parameters["response_format"] = response_format(wanted)
        while True:
            answer = self.chat(messages=messages, model=model, **parameters)
            try:
                return Parsed(value=value_in(answer, wanted), answer=answer)
            except AnswerError:
                if again <= 0:
                    raise
                again -= 1

    def image(self, source: str | Path | bytes, *, allow_private: bool = False) -> Mapping[str, Any]:
        """Return an image as a part of a message, from a path, a public http(s) address, or bytes.

        Inlined as a data URL, or uploaded and referred to as `ms://…` when large and the provider takes uploads.
        """
        return self._media(source, "image", allow_private=allow_private)

    def video(self, source: str | Path | bytes, *, allow_private: bool = False) -> Mapping[str, Any]:
        """Return a video as a part of a message; see `image`."""
        return self._media(source, "video", allow_private=allow_private)

    def document(self, path: str | Path) -> Mapping[str, str]:
        """Return a document's text as a system message: uploaded, extracted by the provider, deleted there again."""
        file = self.files.upload(path, purpose="file-extract")
        try:
            text = (self.files.content(file.id)).decode("utf-8", "replace")
        finally:
            self.files.delete(file.id)
        return extracted_message(file.filename, text)

    def _write_down(self, answer: Answer) -> None:
        """Put an answer into the ledger, if there is one; a disk that refuses must not cost a paid answer."""
        if self._ledger is None:
            return
        try:
            self._ledger.add(answer, provider=self.provider.name, at=time.time())
        except StorageError as error:
            log.warning("%s", error)

    def _media(self, source: str | Path | bytes, kind: Kind, *, allow_private: bool) -> Mapping[str, Any]:
        media = media_from(source, kind, self.provider, allow_private=allow_private)
        if media.part is not None:
            return media.part
        file = self.files.upload(media.content, purpose=kind, filename=media.filename)
        return uploaded_part(kind, file.id)

    def balance(self) -> Balance:
        """Return the account's money. Raises NotOfferedError where the provider has no such call."""
        return self.call(calls.balance(self.provider))

    def estimate(self, *, messages: Sequence[Message], model: str | None = None) -> int:
        """Return how many tokens a prompt has, counted by the provider."""
        permit = self._parts.guard.allow(self.model_name(model))
        return self.call(estimate_call(self._parts.guard, permit, messages))

    def call(self, call: Call[T]) -> T:
        """Send a call that the guard has nothing to say about, or has passed already, and return its answer."""
        self._need_key()
        with self._parts.explaining():
            return self._network().call(call)

    def pieces(self, call: Call[Any]) -> AbstractContextManager[Iterator[bytes]]:
        """Send such a call and yield the pieces of its answer as they arrive, for what is too large for memory."""
        self._need_key()
        return self._network().stream_call(call)

    def model_name(self, said: str | None = None) -> str:
        """Return the model that a call without a model uses: configured, or the only one listed."""
        configured = self.settings.model
        return chosen_model(said, configured, None if said or configured else self.models())

    def close(self) -> None:
        """Close connections, and end the embedded model if it was started."""
        if self._door is not None:
            self._door.close()
        if self._ledger is not None:
            self._ledger.close()
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(
        self,
        model: str | None,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        extra_body: Mapping[str, Any] | None,
        *,
        stream: bool,
    ) -> Prepared:
        permit = self._parts.guard.allow(self.model_name(model))
        self._need_key()
        return prepare(
            self._parts.guard,
            permit,
            messages=messages,
            stream=stream,
            parameters=parameters,
            extra_body=extra_body,
            mode=self.settings.rules,
        )

    def _need_key(self) -> None:
        if self._parts.key is None:
            self.settings.needed_key()

    def _network(self) -> Door:
        if self._door is None:
            from moongate.transport.sync import Door  # httpx2 costs a tenth of a second: not before it is needed

            with self._opening:  # of two threads that come first, one opens the door that both use
                if self._door is None:
                    self._door = Door(self._parts.row, self._parts.key, self._parts.network)
        return self._door


class Stream:
    """The chunks of one answer as they arrive; `answer` is complete once the iteration has ended.

    Raises BrokenStreamError, with the text so far, when the stream ends before its `[DONE]`.
    """

    def __init__(self, door: Door, prepared: Prepared, parts: Parts, finished: Callable[[Answer], None]) -> None:
        self._prepared = prepared
        self._parts = parts
        self._finished = finished
        self._state = ChatStream(parts.row, asked_model=prepared.permit.id)
        self._chunks = self._run(door)

    @property
    def answer(self) -> Answer:
        """The answer as far as it came, with its cost."""
        return complete(self._state.so_far(), self._prepared, self._parts.row)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed before sending."""
        return self._prepared.notes

    def close(self) -> None:
        """Stop reading and drop the connection."""
        self._chunks.close()

    def __iter__(self) -> Iterator[Chunk]:
        return self._chunks

    def __next__(self) -> Chunk:
        return next(self._chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, door: Door) -> Generator[Chunk, None, None]:
        try:
            with self._parts.explaining(), door.stream_call(self._prepared.call) as pieces:
                yield from self._read(pieces)
        except ModelNotPermittedError as error:
            self._parts.guard.denied(self._prepared.permit, error)
            raise
        self._state.finish()
        self._finished(self.answer)

    def _read(self, pieces: Iterator[bytes]) -> Generator[Chunk, None, None]:
        try:
            for piece in pieces:
                yield from self._state.feed(piece)
                if self._state.done:
                    return
        except MoongateError as error:
            raise self._state.broken(error) from error
