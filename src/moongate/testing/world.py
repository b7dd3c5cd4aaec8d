"""Everything the fake knows at one moment: accounts, models, limits, what its models say.

State without IO. One lock guards it, because tests and the server's thread both use it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from moongate.testing.accounts import Account, Accounts, KeyFault, Region
from moongate.testing.exchange import Received
from moongate.testing.limits import Limits
from moongate.testing.listing import Shape
from moongate.testing.models import ServedModel, find
from moongate.testing.readings import Readings
from moongate.testing.refusals import Dialect, Product
from moongate.testing.replies import Replies
from moongate.testing.tokens import PrefixCache


@dataclass(kw_only=True)
class World:
    """The state behind one server."""

    dialect: Dialect
    product: Product
    region: Region
    shape: Shape
    readings: Readings
    clock: Callable[[], float]
    accounts: Accounts
    models: tuple[ServedModel, ...]
    replies: Replies
    limits: Limits
    open_door: bool = False  # whoever comes without a key is the default account
    cache: PrefixCache = field(default_factory=PrefixCache)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def prefix(self) -> str:
        """The path of the base url."""
        if self.dialect == "openrouter":
            return "/api/v1"
        return "/coding/v1" if self.product == "code" else "/v1"

    def caller(self, request: Received) -> Account:
        """Return whose key came with the request, or raise the 401 that it gets."""
        if self.open_door:
            return self.accounts.default
        unnamed: KeyFault = "no_key" if self.readings.no_key == "incorrect_api_key_error" else "wrong_key"
        unknown: KeyFault = "no_key" if self.readings.wrong_key == "incorrect_api_key_error" else "wrong_key"
        return self.accounts.authenticated(
            request, region=self.region, product=self.product, unnamed=unnamed, unknown=unknown
        )

    def visible(self, account: Account | None) -> tuple[ServedModel, ...]:
        """Return the models that an account's list carries; None is somebody without a key."""
        return tuple(model for model in self.models if account is None or account.sees(model.id))

    def callable_model(self, account: Account, name: str) -> ServedModel | None:
        """Return the model behind a wire name if this account may call it."""
        model = find(self.visible(account), name, self.dialect)
        return None if model is None or {name, model.id} & account.denied else model

    def answer_id(self) -> str:
        """Return a fresh id of an answer; the first 8 of its 24 hexadecimal digits are the time in seconds."""
        if self.dialect == "openrouter":
            return f"gen-{int(self.clock())}-{secrets.token_hex(10)}"
        if self.readings.response_id == "cmpl":
            return f"cmpl-{secrets.token_hex(16)}"
        return f"chatcmpl-{int(self.clock()):08x}{secrets.token_hex(8)}"
