"""The SDK's asynchronous class, twin of `sync`. What may block (disk, the list's own connection) runs in a thread."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio.to_thread
import openai
from openai._models import FinalRequestOptions

from moongate.client.guard import Permit
from moongate.client.plan import estimate_call
from moongate.errors import MoongateError
from moongate.facts.money import Balance
from moongate.openai import network
from moongate.openai.adopt import copied, finish
from moongate.openai.names import named, renamed
from moongate.openai.options import flags_from, for_sdk, refuse_roads, timeout_of
from moongate.openai.refusals import sdk_error
from moongate.openai.routes import Body
from moongate.openai.ruled import ruled
from moongate.openai.turn import Turn
from moongate.openai.watch import Watch, settled, text_key, watched
from moongate.wire import calls
from moongate.wire.calls import Call

T = TypeVar("T")


class AsyncGuarded(openai.AsyncOpenAI):
    """What guards an asynchronous client of the SDK; `AsyncOpenAI` below, and whatever `guard()` was given."""

    _watch: Watch
    _plain: type[openai.AsyncOpenAI] = openai.AsyncOpenAI  # the class underneath
    _ours: bool = False  # made here, so that the SDK's variables are taken back from copies too

    async def balance(self) -> Balance:
        """Return the account's money. Raises NotOfferedError where the provider has no such call."""
        try:
            return await self._asked(calls.balance(self._watch.parts.row))
        except MoongateError as error:
            raise sdk_error(error) from error

    async def estimate(self, *, model: str, messages: Sequence[Mapping[str, Any]]) -> int:
        """Return how many tokens a prompt has, counted by the provider.

        Raises NotOfferedError where the provider counts none.
        """
        try:
            permit = await self._permit(model)
            return await self._asked(estimate_call(self._watch.parts.guard, permit, cast("Any", messages)))
        except MoongateError as error:
            raise sdk_error(error) from error

    async def close(self) -> None:
        """Close connections, and end the embedded model if it was started. Copies share both."""
        await super().close()
        if "_watch" in vars(self) and self._watch.parts.engine is not None:
            await anyio.to_thread.run_sync(self._watch.parts.close)

    async def _asked(self, call: Call[T]) -> T:
        from moongate.transport.aio import AsyncDoor

        door = AsyncDoor(self._watch.parts.row, self._watch.parts.key, self._watch.parts.network)
        try:
            return await door.call(call)
        finally:
            await door.close()

    async def _id_for(self, name: str) -> str:
        return name if self._watch.is_settled(name) else (await self._permit(name)).id

    async def _permit(self, name: str) -> Permit:
        if self._watch.is_off:
            return Permit(name=name, id=name)
        permit = self._watch.at_hand(name)
        if permit is not None:
            return permit
        return await anyio.to_thread.run_sync(self._watch.allow, name, abandon_on_cancel=True)

    async def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        options = await super()._prepare_options(options)
        try:
            if not self._watch.is_off:
                options = renamed(options, {name: await self._id_for(name) for name in named(options)})
            return ruled(options, self._watch)
        except MoongateError as error:
            raise sdk_error(error) from error

    async def _send_request(self, request: Any, *, stream: bool, **kwargs: Any) -> Any:
        try:
            turn = Turn(self._watch, request, await self._check(request))
            for pause in turn.pauses():
                await anyio.sleep(pause)
        except MoongateError as error:
            raise sdk_error(error) from error
        with turn.to_be_given_back():
            response = await super()._send_request(request, stream=stream, **{**kwargs, "follow_redirects": False})
            if response.status_code == 429:
                await response.aread()
            turn.until_closed(response)
        turned = self._watch.redirected(response)
        if turned is not None:
            await response.aclose()
            raise sdk_error(turned)
        return response

    async def _check(self, request: Any) -> tuple[str, ...]:
        watch = self._watch
        kind = watch.body_of(request)
        watch.undress(request)
        if kind == "none":
            return ()
        names = await self._names_in(kind, request, await request.aread())
        for name in names:
            watch.hold(name, await self._id_for(name))
        return names if kind == "json" else ()

    async def _names_in(self, kind: Body, request: Any, content: bytes) -> tuple[str, ...]:
        if kind == "json":
            return self._watch.names_in(kind, request, content)
        return await anyio.to_thread.run_sync(self._watch.names_in, kind, request, content)  # files are large

    if not TYPE_CHECKING:  # the SDK's own signatures stand

        @property
        def websocket_base_url(self):
            """Refused unless the guard is off: every websocket call of the SDK asks for this first."""
            if not self._watch.is_off:
                raise sdk_error(self._watch.no_websocket())
            return vars(self).get("websocket_base_url")

        @websocket_base_url.setter
        def websocket_base_url(self, value):
            vars(self)["websocket_base_url"] = value

        def copy(self, **options):
            """Return a copy with other options, guarded as this one; another key or address gets its own guard."""
            try:
                return copied(self, options, network.for_asyncio)
            except MoongateError as error:
                raise sdk_error(error) from error

        with_options = copy


class AsyncOpenAI(AsyncGuarded):
    """`openai.AsyncOpenAI`, guarded. Arguments, what is refused and what is raised are those of `OpenAI`."""

    _ours = True

    def __init__(
        self,
        provider: str | None = None,
        *,
        api_key: str | None = None,
        base_url: object = None,
        guard: str | None = None,
        rules: str | None = None,
        timeout: Any = openai.not_given,
        http_client: Any = None,
        default_headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        with contextlib.ExitStack() as undo:
            try:
                refuse_roads(options)
                flags = flags_from(provider, text_key(api_key), base_url, guard, rules)
                watch = watched(flags, settled(flags))
                undo.callback(watch.parts.close)
                timeout = timeout_of(watch, timeout)
                http_client = http_client or network.for_asyncio(watch.parts, timeout)
            except MoongateError as error:
                raise sdk_error(error) from error
            self._watch = watch
            sdk = for_sdk(watch, timeout, options)
            super().__init__(**sdk, http_client=http_client, default_headers=default_headers)
            undo.pop_all()
        finish(self, options, default_headers or {})
