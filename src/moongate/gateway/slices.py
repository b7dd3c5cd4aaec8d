"""All the pots of one worker: which it has a slice of, what goes back, what is asked for in the next round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from moongate.gateway.leases import Ask, Grant
from moongate.gateway.pots import EXTRA, NANO, Kind, Pot, PotName, Purse, month_of
from moongate.gateway.seams import Caller, Want


class Slices:
    """The pots, by name. `gives` is on its way back to the books, and nobody's here any more."""

    def __init__(self) -> None:
        self.gives: dict[PotName, int] = {}
        self._pots: dict[PotName, Pot] = {}
        self._active: dict[PotName, Pot] = {}
        self._day = 0

    def purse(self, caller: Caller, limits: Mapping[Kind, int | None], day: int) -> Purse:
        """Return the pots of one key for a day."""
        if day > self._day:
            self._turned(day)
        owner = caller.key_id
        periods: dict[Kind, int] = {"day": day, "month": month_of(day)}
        others = tuple(
            self._pot(PotName(kind, owner, periods.get(kind, 0)), limit)
            for kind, limit in limits.items()
            if limit is not None
        )
        return Purse(day, self._pot(PotName("balance", caller.account_id), None), others)

    def order(self, waiting: Iterable[tuple[Purse, Want]]) -> tuple[dict[PotName, int], list[Ask]]:
        """Return what goes back in a round, and what is asked for: by those who wait, and for what is to come."""
        asks: dict[PotName, Ask] = {}
        for name, pot in list(self._active.items()):
            back, more = pot.turn()
            if back:
                self.give(pot, back)
            if more:
                asks[name] = Ask(pot=name, need=0, ask=more)
            if pot.empty and pot.idle:
                del self._active[name]
        for purse, want in waiting:
            for pot in purse.pots:
                self._missing(asks, pot, want)
        gives, self.gives = self.gives, {}
        return gives, list(asks.values())

    def granted(self, name: PotName, grant: Grant) -> None:
        """Add a slice that was taken from the books."""
        pot = self._pots.get(name)
        if pot is None:
            self.undo({name: grant.amount})
        elif grant.amount:
            pot.free += grant.amount
            self._active[name] = pot

    def credit(self, pot: Pot, amount: int) -> None:
        """Let calls draw what could not be taken from the books; it is told to them once they can be written."""
        pot.free += amount
        self._active[pot.name] = pot
        self.gives[pot.name] = self.gives.get(pot.name, 0) - amount

    def give(self, pot: Pot, amount: int) -> None:
        """Take a part of a slice away; it goes back in the next round."""
        pot.free -= amount
        self.gives[pot.name] = self.gives.get(pot.name, 0) + amount

    def undo(self, gives: dict[PotName, int]) -> None:
        """Keep for a later round what could not be given back in this one."""
        for name, amount in gives.items():
            self.gives[name] = self.gives.get(name, 0) + amount

    def yield_up(self, names: Iterable[PotName]) -> bool:
        """Give back all that is free of some pots; say whether that was anything."""
        found = [pot for name in names if (pot := self._active.get(name)) is not None and pot.free > 0]
        for pot in found:
            self.give(pot, pot.free)
        return bool(found)

    @property
    def quiet(self) -> bool:
        """Whether no pot needs to be looked after."""
        return not self._active and not self.gives

    def _pot(self, name: PotName, limit: int | None) -> Pot:
        pot = self._pots.get(name)
        if pot is None:
            pot = self._pots[name] = Pot(name)
        pot.limit = limit
        return pot

    def _turned(self, day: int) -> None:
        """Forget the pots of days and months that are over, unless calls still hold of them."""
        self._day = day
        over: dict[Kind, int] = {"day": day, "month": month_of(day)}
        for name in [name for name in self._pots if name.period < over.get(name.kind, 0)]:
            if name not in self._active:
                del self._pots[name]

    def _missing(self, asks: dict[PotName, Ask], pot: Pot, want: Want) -> None:
        need = pot.need(want.worst_nano or 1, want.worst_tokens)
        missing = need - pot.free
        if missing <= 0:
            return
        pot.needs(need)
        ask = EXTRA * need
        before = asks.get(pot.name)
        if before is not None:
            missing, ask = min(missing, before.need or missing), before.ask + need
        asks[pot.name] = Ask(pot=pot.name, need=missing, ask=ask, alone=pot.unit == NANO and pot.held == 0)
