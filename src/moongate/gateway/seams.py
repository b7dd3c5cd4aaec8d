"""Where the parts of the gateway meet: who calls, what a call may take, what it took, and where it goes.

Only records and protocols. `till` keeps the money, `upstreams` the routes, `relay` is in between. What is made once a
call is a msgspec struct without garbage collection, because it costs a tenth of a dataclass there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from moongate.errors import StorageError
from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.providers import Provider
from moongate.gateway.asked import Edit, Ids
from moongate.gateway.replies import Refusal
from moongate.wire.peek import Body


class Caller:
    """A key and the account that pays, as the hot path needs them; made by the till, compared by identity."""

    __slots__ = ("account", "account_id", "currency", "expires_at", "key_id", "models", "pots", "providers", "until")

    def __init__(
        self,
        *,
        key_id: int,
        account_id: int,
        account: str,
        currency: str,
        providers: frozenset[str] | None = None,
        models: frozenset[str] | None = None,
        expires_at: float | None = None,
    ) -> None:
        self.key_id = key_id
        self.account_id = account_id
        self.account = account  # its name
        self.currency = currency
        self.providers = providers  # None: all
        self.models = models  # listed ids or accepted spellings; None: all
        self.expires_at = expires_at  # seconds since the epoch
        self.pots: Any = None  # the till's own
        self.until = 0.0  # the till's own: when its budgets' day or month turns


class Want(msgspec.Struct, gc=False):
    """What a call that is about to leave may take at most."""

    worst_nano: int  # in `currency`; 0 where no price is known
    worst_tokens: int  # prompt and answer together
    model: str  # the id that was asked for; the ledger's `asked_model`
    provider: str  # the one that is tried first
    currency: str | None  # of the price; None where none is known
    at: float  # seconds since the epoch


class Hold(msgspec.Struct, gc=False):
    """What was set aside for a call. It is given back exactly once, by `settle` or `release`; again does nothing."""

    request_id: str  # 32 characters, unique
    caller: Caller
    want: Want
    nano: int  # set aside
    tokens: int
    pots: Any  # the till's own: what it was drawn from
    started: float  # monotonic seconds
    open: bool = True


class Outcome(msgspec.Struct, gc=False):
    """What came of a call: one line of the ledger, together with its hold."""

    model: str  # what the answer says; "" where none came
    provider: str  # the one that answered
    cost_nano: int | None  # None: no price is known
    price_basis: str
    outcome: str  # "ok", the kind of an error, "client_gone" or "lost"
    status: int  # of the answer that the caller gets
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


Row = tuple[float | int | str | None, ...]  # a settled call as the journal has it, in the order of `journal.Line`


class Till(Protocol):
    """Keys, money and limits of one worker, in memory. Nothing but `hold_slowly` waits; all belongs to the loop."""

    def caller(self, secret: bytes) -> Caller | None:
        """Return whose key a secret is; None for one that opens nothing. Raises StorageError."""

    def caller_of(self, key_id: int) -> Caller | None:
        """Return who calls with a key that is known by its id; None once it opens nothing. Raises StorageError."""

    def revision(self) -> int:
        """Return a number that is another one once a key was revoked or changed. Raises StorageError."""

    def hold(self, caller: Caller, want: Want) -> Hold | Refusal | None:
        """Set aside what a call may take, if it is at hand; None means: ask `hold_slowly`."""

    async def hold_slowly(self, caller: Caller, want: Want) -> Hold | Refusal:
        """Set it aside after a look at the books, waiting a moment for others to give back. Raises StorageError."""

    def settle(self, hold: Hold, outcome: Outcome) -> None:
        """Write the call's line, before its last byte goes out, and give back what it did not take.

        Raises StorageError where the line could not be written and the answer must not go out as if it were.
        """

    def row(self, hold: Hold, outcome: Outcome) -> Row | None:
        """Return the row of a call for `write`, and give back what it did not take; None if that is done."""

    def write(self, rows: Sequence[Row]) -> StorageError | None:
        """Write what was settled, before any last byte goes out; return why no answer may go out as if it were."""

    def release(self, hold: Hold) -> None:
        """Give everything back: nothing was sent, and nothing is written."""

    def content(self, hold: Hold, request: bytes, answer: bytes) -> None:
        """Keep what was said, if `keeps_content`; returns at once."""

    @property
    def keeps_content(self) -> bool:
        """Whether `log_content` is on, so that the answer's bytes are worth collecting."""


class Tariff(Protocol):
    """The price of one model at one provider, in integers."""

    @property
    def currency(self) -> str | None:
        """The price's currency; None where no price is known."""

    @property
    def basis(self) -> str:
        """Where the price comes from."""

    def worst_nano(
        self, size_bytes: int, max_tokens: int | None, choices: int = 1, *, has_files: bool = False
    ) -> int:
        """Return the most that a call can cost, in nano-units; 0 where no price is known."""

    def worst_tokens(
        self, size_bytes: int, max_tokens: int | None, choices: int = 1, *, has_files: bool = False
    ) -> int:
        """Return the most tokens that a call can take, prompt and answer together."""

    def charge(self, usage: Usage) -> int | None:
        """Return what was used, in nano-units; None where no price is known."""


class Target(Protocol):
    """One upstream for one model: all that a request needs to leave, prepared."""

    @property
    def upstream(self) -> Any:
        """Its name, its pool, its provider's row, its breaker and throttle."""

    @property
    def row(self) -> Provider:
        """The upstream's row."""

    @property
    def wire_id(self) -> str:
        """The id that goes out."""

    @property
    def model(self) -> Model | None:
        """The row of the list; None for an id that a loose guard let through."""

    @property
    def tariff(self) -> Tariff:
        """The model's price there."""


class Route(Protocol):
    """Where a name leads: targets in the order in which they are tried; more than one only if configured."""

    @property
    def name(self) -> str:
        """What was asked for."""

    @property
    def targets(self) -> Sequence[Target]:
        """At least one."""


class Routes(Protocol):
    """Every upstream, and which of them a name means for a caller."""

    def at_hand(self, name: str, caller: Caller) -> Route | None:
        """Return the route if the lists in memory give one."""

    async def find(self, name: str, caller: Caller) -> Route:
        """Return the route after a look at the lists. Raises ModelRefusedError and what the list call raises."""


class Whereabouts(msgspec.Struct, frozen=True, gc=False):
    """An account at an endpoint: its files are of no use anywhere else."""

    base_url: str
    key: str  # its fingerprint; "" without one


class Placed(msgspec.Struct, frozen=True, gc=False):
    """The files that a body refers to."""

    upstream: str  # the name of the one that has them
    at: Whereabouts
    edits: tuple[Edit, ...]  # the references as they are written there
    ids: Ids


class Files(Protocol):
    """Whose the files are that chats refer to."""

    async def placed(self, caller: Caller, body: Body) -> Placed | Refusal | None:
        """Return where the files of a body lie; None without any, a refusal where one is not the caller's.

        Raises UnavailableError where the gateway does not call that account any more.
        """
