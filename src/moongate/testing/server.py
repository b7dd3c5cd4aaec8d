"""`MoonshotServer`: an offline HTTP server on loopback that behaves as Moonshot does, for tests.

It never leaves this machine, keeps everything in memory, and stands in for nothing but the API. Where public
observations contradict each other, `Readings` chooses.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from moongate.testing.accounts import Account, Accounts, Region, told_to
from moongate.testing.app import respond, routes_of
from moongate.testing.batches import Batches
from moongate.testing.exchange import Received, Reply, refuse
from moongate.testing.faults import Chaos, Fault, Plan
from moongate.testing.files import Files
from moongate.testing.limits import Limits
from moongate.testing.listing import Shape
from moongate.testing.loop import Loop
from moongate.testing.models import served, shelf_of
from moongate.testing.readings import Readings
from moongate.testing.refusals import Dialect, Product, rendered
from moongate.testing.replies import Replies, Script, Speaker
from moongate.testing.spoil import replaced, spoiled
from moongate.testing.world import World

ModelRow = str | Mapping[str, Any]
BODY_MAX_BYTES = 100 * 1024 * 1024 + 65_536  # a file of 100 MB and its multipart frame


class MoonshotServer:
    """A server at `base_url` from `start()` to `close()`, or for the length of a `with` block.

    models        ids, or whole rows of the list (mappings with "id"); None: what Moonshot lists
    dialect       whose shapes: "moonshot", "openrouter", "aimlapi" or "openai"
    region        "ai" (USD) or "cn" (CNY); keys of the other region get 401
    product       "platform", or "code" for Kimi Code (base url ends with /coding/v1)
    accounts      who may call; None: one account of this region with 49.58894 and no limits
    replies       what the models say: "echo", a list of answers, or a function of the request's JSON
    readings      which of the contradicting observations to follow
    list_shape    "list"; "array" without an envelope; "vllm" with max_model_len in the rows
    clock         returns seconds since the epoch
    open_door     True: no key is needed, whoever comes is the default account
    body_max_bytes   larger request bodies get 413

    A function in `replies` runs in the server's thread and may not call this server. One that raises is answered with
    status 500; leaving the `with` block raises it again.
    """

    def __init__(
        self,
        models: Iterable[ModelRow] | None = None,
        *,
        dialect: Dialect = "moonshot",
        region: Region = "ai",
        product: Product = "platform",
        port: int = 0,
        accounts: Iterable[Account] | None = None,
        replies: Literal["echo"] | Script | Speaker = "echo",
        readings: Readings | None = None,
        list_shape: Shape = "list",
        clock: Callable[[], float] = time.time,
        open_door: bool = False,
        body_max_bytes: int = BODY_MAX_BYTES,
    ) -> None:
        readings = readings or Readings()
        known = accounts if accounts is not None else [Account(region=region, product=product)]
        self._world = World(
            dialect=dialect,
            product=product,
            region=region,
            shape=list_shape,
            readings=readings,
            clock=clock,
            accounts=Accounts(known),
            models=served(models, shelf_of(dialect, product)),
            replies=Replies(replies),
            limits=Limits(readings),
            open_door=open_door,
        )
        self.files = Files()
        self.batches = Batches(self._world, self.files)
        self._routes = routes_of(self._world, self.files, self.batches)
        self._requests: list[Received] = []
        self._requests_lock = threading.Lock()
        self._plan = Plan()
        self._failures: list[Exception] = []
        self._loop = Loop(
            port=port, handle=self._handle, report=self._failures.append, clock=clock, body_max_bytes=body_max_bytes
        )
        self._state: Literal["new", "running", "closed"] = "new"

    def start(self) -> Self:
        """Begin to answer."""
        self._loop.start()
        self._state = "running"
        return self

    def close(self) -> None:
        """End every connection and the thread; more than once does no harm."""
        if self._state == "running":
            self._loop.stop()
        else:
            self._loop.discard()
        self._state = "closed"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None and self._failures:
            raise self._failures[0]

    @property
    def origin(self) -> str:
        """Scheme, host and port, without a path."""
        return f"http://127.0.0.1:{self._loop.port}"

    @property
    def base_url(self) -> str:
        """What a client is given: the origin with "/v1", or the path that this dialect has instead."""
        return self.origin + self._world.prefix

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._loop.port

    @property
    def accounts(self) -> Accounts:
        """Every account; add more with `accounts.add(Account(...))`."""
        return self._world.accounts

    @property
    def key(self) -> str:
        """The default account's key."""
        return self.accounts.default.key

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every request that came in so far, in order."""
        with self._requests_lock:
            return tuple(self._requests)

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """Count the requests of a method and a path; the end of a path is enough."""
        return sum(request.matches(method, path) for request in self.requests)

    def forget(self) -> None:
        """Empty `requests`."""
        with self._requests_lock:
            self._requests.clear()

    @property
    def failures(self) -> tuple[Exception, ...]:
        """What functions in `replies` raised, and answers that could not be sent, such as illegal headers."""
        return tuple(self._failures)

    @property
    def models(self) -> tuple[str, ...]:
        """The ids that are served now. Assign ids or rows to change them while the server runs."""
        return tuple(model.id for model in self._world.models)

    @models.setter
    def models(self, models: Iterable[ModelRow] | None) -> None:
        with self._world.lock:
            self._world.models = served(models, shelf_of(self._world.dialect, self._world.product))

    @property
    def replies(self) -> Replies:
        """What the models say next. Assign "echo", a list, or a function."""
        return self._world.replies

    @replies.setter
    def replies(self, source: Literal["echo"] | Script | Speaker) -> None:
        with self._world.lock:
            self._world.replies = Replies(source)

    def inject(self, *faults: Fault | Chaos) -> None:
        """Let faults hit the requests that they match, in this order."""
        for fault in faults:
            self._plan.inject(fault)

    def heal(self) -> None:
        """Forget every fault that has not happened yet."""
        self._plan.clear()

    def _handle(self, request: Received) -> tuple[Reply, Fault | None]:
        with self._requests_lock:
            self._requests.append(request)
        fault = self._plan.draw(request)
        if fault is None:
            return self._respond(request), None
        instead = self._refused(fault, request) if fault.kind == "refusal" else replaced(fault)
        if not fault.does_the_work:
            return instead or Reply(), fault
        reply = self._respond(request)
        if instead is None:
            return spoiled(reply, fault, self._world.dialect), fault
        reply.release()  # the work was done, its answer is lost
        return instead, fault

    def _refused(self, fault: Fault, request: Received) -> Reply:
        refusal = told_to(self.accounts.default, fault.name, headers=tuple(fault.headers.items()))
        return rendered(refusal, request, self._world.dialect, self._world.product)

    def _respond(self, request: Received) -> Reply:
        try:
            return respond(self._world, self._routes, request)
        except Exception as error:  # noqa: BLE001 - the edge: a test's own function failed; raised again on exit
            self._failures.append(error)
            return rendered(refuse("unexpected"), request, self._world.dialect, self._world.product)


@contextlib.contextmanager
def serve(dialect: Dialect = "moonshot", port: int = 0, **options: Any) -> Iterator[MoonshotServer]:
    """Run a server for the length of a `with` block; the caller says where it is and when it ends.

    `options` are those of `MoonshotServer`. Prints nothing and handles no signal.
    """
    with MoonshotServer(dialect=dialect, port=port, **options) as server:
        yield server
