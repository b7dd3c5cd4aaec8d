"""An SDK call's turn at its account: had before it is sent, given back when its answer was read or closed."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moongate.openai.watch import Watch


class Turn:
    """The turn of one request. One that names no model needs none."""

    def __init__(self, watch: Watch, request: Any, models: Sequence[str]) -> None:
        self._row = watch.parts.row
        self._turns = watch.turns if models else None
        self._model = models[0] if models else ""
        self._body: bytes = request.content if models else b""  # it was read when its models were
        self._is_had = False

    def pauses(self) -> Iterator[float]:
        """Yield how long to sleep, in seconds, until the turn is had. Raises RateLimitedError, unsent."""
        if self._turns is not None:
            yield from self._turns.pauses(self._row.title, self._body, self._model)
            self._is_had = True

    @contextmanager
    def to_be_given_back(self) -> Iterator[None]:
        """Give it back if what is done meanwhile fails."""
        try:
            yield
        except BaseException:
            self._give_back()
            raise

    def until_closed(self, response: Any) -> None:
        """Give it back when the response is closed, at the latest when nobody has it any more."""
        if self._turns is None:
            return
        if response.status_code == 429:
            self._turns.learn(response.text, self._body, self._model)
        if response.is_closed:
            self._give_back()
            return
        weakref.finalize(response, self._give_back).atexit = False
        for name in ("close", "aclose"):
            setattr(response, name, self._then(getattr(response, name)))

    def _then(self, close: Any) -> Any:
        def closed() -> Any:
            self._give_back()
            return close()

        return closed

    def _give_back(self) -> None:
        if self._turns is not None and self._is_had:
            self._is_had = False
            self._turns.over()
