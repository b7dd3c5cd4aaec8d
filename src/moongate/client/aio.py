"""The asyncio client, twin of `sync`.

The catalog blocks (disk, file lock, its own connection), so it runs in a thread, and only when the list in memory
does not settle the question; all tasks that ask meanwhile wait for that one look.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from moongate.client.arguments import Function
from moongate.client.batches import AsyncBatches
from moongate.client.build import Parts, parts
from moongate.client.files import AsyncFiles
from moongate.client.guard import Guard, Permit
from moongate.client.media import extracted_message, media_from
from moongate.client.plan import Prepared, chosen_model, complete, estimate_call, prepare
from moongate.client.run import Ask, Run, conversation, with_reasoning_kept
from moongate.client.structured import Parsed, response_format, value_in
from moongate.client.tools import Tool, tools_from
from moongate.client.upstream import GuardedUpstream
from moongate.errors import AnswerError, ModelNotPermittedError, MoongateError, StorageError, UsageError
from moongate.facts.chat import Answer, Chunk, Message
from moongate.facts.models import Listing, Verdict
from moongate.facts.money import Balance
from moongate.facts.providers import Provider
from moongate.settings.load import Flags, Settings, load
from moongate.wire import calls
from moongate.wire.calls import Call
from moongate.wire.media import Kind, uploaded_part
from moongate.wire.peek import models_in
from moongate.wire.replies import Reply
from moongate.wire.stream import ChatStream

T = TypeVar("T")
log = logging.getLogger("moongate")

if TYPE_CHECKING:
    from moongate.ledger.own import OwnLedger
    from moongate.transport.aio import AsyncDoor


class AsyncClient:
    """One provider's endpoint, with one key, behind the guard, for one event loop.

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
        self._door: AsyncDoor | None = None
        self._looking = asyncio.Lock()

    @property
    def provider(self) -> Provider:
        """The row of the endpoint in use."""
        return self._parts.row

    @property
    def has_key(self) -> bool:
        """Whether calls carry a key."""
        return self._parts.key is not None

    @property
    def files(self) -> AsyncFiles:
        """The provider's Files API."""
        return AsyncFiles(self)

    @property
    def batches(self) -> AsyncBatches:
        """The provider's batch API, one call each."""
        return AsyncBatches(self)

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

    async def models(self, *, live: bool = False) -> Listing:
        """Return the live list, at most 10 minutes old; with `live`, asked for now."""
        catalog = self._parts.guard.catalog
        if live:
            return await self.in_thread(catalog.now)
        at_hand = catalog.at_hand()
        return at_hand if at_hand is not None else await self.in_thread(catalog.listing)

    async def resolve(self, name: str) -> Verdict:
        """Return what `name` means at this endpoint. Sends nothing but, if needed, the request for the list."""
        return (await self.in_thread(lambda: self._parts.guard.verdict(name)))[0]

    async def chat(
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
        prepared = await self._prepare(model, messages, parameters, extra_body, stream=False)
        try:
            with self._parts.explaining():
                answer = complete(await self._network().call(prepared.call), prepared, self.provider)
        except ModelNotPermittedError as error:
            await asyncio.to_thread(self.guard.denied, prepared.permit, error)
            raise
        await self._write_down(answer)
        return answer

    def stream(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> AsyncStream:
        """Return an iterator of chunks; the request leaves at the first step. Parameters as for `chat`."""
        return AsyncStream(
            lambda: self._prepare(model, messages, parameters, extra_body, stream=True),
            self._network,
            self._parts,
            self._write_down,
        )

    async def run(
        self,
        *,
        messages: Sequence[Message],
        tools: Sequence[Function],
        model: str | None = None,
        max_turns: int = 10,
        **parameters: Any,
    ) -> Run:
        """Return how a conversation went in which the model may call Python functions.

        Their schemas come from their type hints. Calls of one answer are answered together, coroutine functions at
        once; ids are opaque, and `reasoning_content` goes back only to endpoints that want it, with `thinking.keep`
        set to "all" where the model takes it and `thinking` does not say otherwise. Other parameters as for `chat`.
        """
        known = tools_from(tools)
        parameters["tools"] = [tool.definition for tool in known.values()]
        permit = await self._permit(model)
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
                outcome = await self.chat(messages=step.messages, model=model, **parameters)
            else:
                outcome = await asyncio.gather(*(_called(tool, given) for _, tool, given in step.calls))

    async def parse(
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
            answer = await self.chat(messages=messages, model=model, **parameters)
            try:
                return Parsed(value=value_in(answer, wanted), answer=answer)
            except AnswerError:
                if again <= 0:
                    raise
                again -= 1

    async def image(self, source: str | Path | bytes, *, allow_private: bool = False) -> Mapping[str, Any]:
        """Return an image as a part of a message, from a path, a public http(s) address, or bytes.

        Inlined as a data URL, or uploaded and referred to as `ms://…` when large and the provider takes uploads.
        """
        return await self._media(source, "image", allow_private=allow_private)

    async def video(self, source: str | Path | bytes, *, allow_private: bool = False) -> Mapping[str, Any]:
        """Return a video as a part of a message; see `image`."""
        return await self._media(source, "video", allow_private=allow_private)

    async def document(self, path: str | Path) -> Mapping[str, str]:
        """Return a document's text as a system message: uploaded, extracted by the provider, deleted there again."""
        file = await self.files.upload(path, purpose="file-extract")
        try:
            text = (await self.files.content(file.id)).decode("utf-8", "replace")
        finally:
            await self.files.delete(file.id)
        return extracted_message(file.filename, text)

    async def _write_down(self, answer: Answer) -> None:
        """Put an answer into the ledger, if there is one; a disk that refuses must not cost a paid answer."""
        if self._ledger is None:
            return
        try:
            await asyncio.to_thread(self._ledger.add, answer, provider=self.provider.name, at=time.time())
        except StorageError as error:
            log.warning("%s", error)

    async def _media(self, source: str | Path | bytes, kind: Kind, *, allow_private: bool) -> Mapping[str, Any]:
        media = await asyncio.to_thread(media_from, source, kind, self.provider, allow_private=allow_private)
        if media.part is not None:
            return media.part
        file = await self.files.upload(media.content, purpose=kind, filename=media.filename)
        return uploaded_part(kind, file.id)

    async def balance(self) -> Balance:
        """Return the account's money. Raises NotOfferedError where the provider has no such call."""
        return await self.call(calls.balance(self.provider))

    async def estimate(self, *, messages: Sequence[Message], model: str | None = None) -> int:
        """Return how many tokens a prompt has, counted by the provider."""
        permit = await self._permit(model)
        return await self.call(estimate_call(self._parts.guard, permit, messages))

    @asynccontextmanager
    async def relay(self, body: bytes) -> AsyncIterator[tuple[Permit, Reply, AsyncIterator[bytes]]]:
        """Send the bytes of a chat that somebody else wrote, once, and yield the head and the pieces of the answer.

        The ids in them must be wire ids: nothing is rewritten here. Raises what the guard raises before anything is
        sent; a status that is no success is yielded with its body in the head and no pieces.
        """
        names = models_in(body)
        permits = tuple([await self._permit(name) for name in names])
        self._parts.guard.check(body, permits)
        self._need_key()
        call = calls.chat(self.provider, body, model=permits[0].id)
        async with self._network().stream(call) as (head, pieces):
            yield permits[0], head, pieces

    async def call(self, call: Call[T]) -> T:
        """Send a call that the guard has nothing to say about, or has passed already, and return its answer."""
        self._need_key()
        with self._parts.explaining():
            return await self._network().call(call)

    def pieces(self, call: Call[Any]) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Send such a call and yield the pieces of its answer as they arrive, for what is too large for memory."""
        self._need_key()
        return self._network().stream_call(call)

    async def model_name(self, said: str | None = None) -> str:
        """Return the model that a call without a model uses: configured, or the only one listed."""
        configured = self.settings.model
        return chosen_model(said, configured, None if said or configured else await self.models())

    async def close(self) -> None:
        """Close connections, and end the embedded model if it was started."""
        if self._door is not None:
            await self._door.close()
        if self._ledger is not None:
            await asyncio.to_thread(self._ledger.close)
        await asyncio.to_thread(self._parts.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _prepare(
        self,
        model: str | None,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        extra_body: Mapping[str, Any] | None,
        *,
        stream: bool,
    ) -> Prepared:
        permit = await self._permit(model)
        self._need_key()

        def ready() -> Prepared:
            return prepare(
                self.guard,
                permit,
                messages=messages,
                stream=stream,
                parameters=parameters,
                extra_body=extra_body,
                mode=self.settings.rules,
            )

        # a body that may name further models may make the guard fetch the list, which blocks
        return await self.in_thread(ready) if extra_body or "models" in parameters else ready()

    async def _permit(self, model: str | None) -> Permit:
        name = await self.model_name(model)
        guard = self._parts.guard
        permit = guard.at_hand(name)
        return permit if permit is not None else await self.in_thread(lambda: guard.allow(name))

    async def in_thread(self, ask: Callable[[], T]) -> T:
        """Have a blocking question answered in a thread, one at a time: the first brings the list for all."""
        async with self._looking:
            return await asyncio.to_thread(ask)

    def _need_key(self) -> None:
        if self._parts.key is None:
            self.settings.needed_key()

    def _network(self) -> AsyncDoor:
        if self._door is None:
            from moongate.transport.aio import AsyncDoor  # httpx2 costs a tenth of a second: not before it is needed

            self._door = AsyncDoor(self._parts.row, self._parts.key, self._parts.network)
        return self._door


async def _called(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    result = tool.function(**arguments)
    return await result if inspect.isawaitable(result) else result


class AsyncStream:
    """The chunks of one answer as they arrive; `answer` is complete once the iteration has ended.

    Raises BrokenStreamError, with the text so far, when the stream ends before its `[DONE]`.
    """

    def __init__(
        self,
        prepare: Callable[[], Awaitable[Prepared]],
        network: Callable[[], AsyncDoor],
        parts: Parts,
        finished: Callable[[Answer], Awaitable[None]],
    ) -> None:
        self._prepare = prepare
        self._network = network
        self._parts = parts
        self._finished = finished
        self._begun: tuple[Prepared, ChatStream] | None = None
        self._chunks = self._run()

    @property
    def answer(self) -> Answer:
        """The answer as far as it came, with its cost. Raises UsageError before the first step."""
        if self._begun is None:
            raise UsageError("The stream has not begun: there is no answer yet.")
        prepared, state = self._begun
        return complete(state.so_far(), prepared, self._parts.row)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed before sending; empty before the first step."""
        return self._begun[0].notes if self._begun else ()

    async def close(self) -> None:
        """Stop reading and drop the connection."""
        await self._chunks.aclose()

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self._chunks

    async def __anext__(self) -> Chunk:
        return await anext(self._chunks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        prepared = await self._prepare()
        state = ChatStream(self._parts.row, asked_model=prepared.permit.id)
        self._begun = (prepared, state)
        try:
            with self._parts.explaining():
                async with (
                    self._network().stream_call(prepared.call) as pieces,
                    aclosing(self._read(state, pieces)) as chunks,
                ):
                    async for chunk in chunks:
                        yield chunk
        except ModelNotPermittedError as error:
            await asyncio.to_thread(self._parts.guard.denied, prepared.permit, error)
            raise
        state.finish()
        await self._finished(self.answer)

    @staticmethod
    async def _read(state: ChatStream, pieces: AsyncIterator[bytes]) -> AsyncGenerator[Chunk, None]:
        try:
            async for piece in pieces:
                for chunk in state.feed(piece):
                    yield chunk
                if state.done:
                    return
        except MoongateError as error:
            raise state.broken(error) from error
