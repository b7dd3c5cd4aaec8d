"""The SDK's blocking class, guarded at its two hooks: before the body is written, and at the final bytes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

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
from moongate.openai.ruled import ruled
from moongate.openai.turn import Turn
from moongate.openai.watch import Watch, settled, text_key, watched
from moongate.wire import calls
from moongate.wire.calls import Call

T = TypeVar("T")


class Guarded(openai.OpenAI):
    """What guards a blocking client of the SDK; `OpenAI` below, and whatever `guard()` was given."""

    _watch: Watch
    _plain: type[openai.OpenAI] = openai.OpenAI  # the class underneath
    _ours: bool = False  # made here, so that the SDK's variables are taken back from copies too

    def balance(self) -> Balance:
        """Return the account's money. Raises NotOfferedError where the provider has no such call."""
        try:
            return self._asked(calls.balance(self._watch.parts.row))
        except MoongateError as error:
            raise sdk_error(error) from error

    def estimate(self, *, model: str, messages: Sequence[Mapping[str, Any]]) -> int:
        """Return how many tokens a prompt has, counted by the provider.

        Raises NotOfferedError where the provider counts none.
        """
        try:
            permit = self._permit(model)
            return self._asked(estimate_call(self._watch.parts.guard, permit, cast("Any", messages)))
        except MoongateError as error:
            raise sdk_error(error) from error

    def close(self) -> None:
        """Close connections, and end the embedded model if it was started. Copies share both."""
        super().close()
        if "_watch" in vars(self):
            self._watch.parts.close()

    def _asked(self, call: Call[T]) -> T:
        from moongate.transport.sync import Door

        with Door(self._watch.parts.row, self._watch.parts.key, self._watch.parts.network) as door:
            return door.call(call)

    def _id_for(self, name: str) -> str:
        return name if self._watch.is_settled(name) else self._permit(name).id

    def _permit(self, name: str) -> Permit:
        if self._watch.is_off:
            return Permit(name=name, id=name)
        return self._watch.at_hand(name) or self._watch.allow(name)

    def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        options = super()._prepare_options(options)
        try:
            if not self._watch.is_off:
                options = renamed(options, {name: self._id_for(name) for name in named(options)})
            return ruled(options, self._watch)
        except MoongateError as error:
            raise sdk_error(error) from error

    def _send_request(self, request: Any, *, stream: bool, **kwargs: Any) -> Any:
        try:
            turn = Turn(self._watch, request, self._check(request))
            for pause in turn.pauses():
                time.sleep(pause)
        except MoongateError as error:
            raise sdk_error(error) from error
        with turn.to_be_given_back():
            response = super()._send_request(request, stream=stream, **{**kwargs, "follow_redirects": False})
            if response.status_code == 429:
                response.read()
            turn.until_closed(response)
        turned = self._watch.redirected(response)
        if turned is not None:
            response.close()
            raise sdk_error(turned)
        return response

    def _check(self, request: Any) -> tuple[str, ...]:
        watch = self._watch
        kind = watch.body_of(request)
        watch.undress(request)
        if kind == "none":
            return ()
        names = watch.names_in(kind, request, request.read())
        for name in names:
            watch.hold(name, self._id_for(name))
        return names if kind == "json" else ()

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
                return copied(self, options, network.blocking)
            except MoongateError as error:
                raise sdk_error(error) from error

        with_options = copy


class OpenAI(Guarded):
    """`openai.OpenAI`, guarded. Key and base url come from moongate's settings, never from OPENAI_… variables.

    provider       whose endpoint: "moonshot", "openrouter", "local" (the embedded model), …; None: as configured
    api_key        the key; None: from the settings
    base_url       another address
    guard          "strict" (default), "warn" or "off"

    What else the SDK's class takes is passed on, but for `admin_api_key`, `workload_identity`, `data_residency`,
    `websocket_base_url` and a key that is a function. Raises a ConfigError that is an `openai.OpenAIError`.
    """

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
                http_client = http_client or network.blocking(watch.parts, timeout)
            except MoongateError as error:
                raise sdk_error(error) from error
            self._watch = watch
            sdk = for_sdk(watch, timeout, options)
            super().__init__(**sdk, http_client=http_client, default_headers=default_headers)
            undo.pop_all()
        finish(self, options, default_headers or {})
