"""One worker's pots: shared by keys of an account, anew each day, and never a slice that nobody knows of."""

from __future__ import annotations

from moongate.gateway.leases import Grant
from moongate.gateway.pots import EXTRA, IDLE_ROUNDS, PotName
from moongate.gateway.seams import Caller, Want
from moongate.gateway.slices import Slices


def caller(key_id: int) -> Caller:
    return Caller(key_id=key_id, account_id=1, account="ada", currency="USD")


WANT = Want(10, 5, "m", "p", "USD", 0.0)


def test_keys_of_an_account_share_its_balance_and_nothing_else() -> None:
    slices = Slices()
    one = slices.purse(caller(1), {"day": 100, "rpm": 5, "tpm": None}, 3)
    two = slices.purse(caller(2), {"day": 100}, 3)
    assert one.balance is two.balance
    assert [pot.name for pot in one.others] == [PotName("day", 1, 3), PotName("rpm", 1)]
    assert one.money[0] is not two.money[0]
    assert (one.budgets, slices.purse(caller(3), {"month": 5}, 40).budgets) == (1, 2)


def test_what_lacks_is_asked_for_once_by_all_who_wait() -> None:
    slices = Slices()
    purse = slices.purse(caller(1), {}, 0)
    gives, (asked,) = slices.order([(purse, WANT), (purse, WANT)])
    assert gives == {}
    assert (asked.pot, asked.need, asked.ask, asked.alone) == (PotName("balance", 1), 10, EXTRA * 10 + 10, True)
    slices.granted(asked.pot, Grant(amount=30, left=100))
    assert purse.balance.free == 30
    assert slices.order([(purse, WANT)]) == ({}, [])


def test_a_slice_nobody_uses_goes_back_and_the_pot_is_quiet() -> None:
    slices = Slices()
    purse = slices.purse(caller(1), {}, 0)
    purse.balance.needs(10)
    slices.granted(purse.balance.name, Grant(amount=30, left=100))
    gives = [slices.order([])[0] for _ in range(IDLE_ROUNDS + 1)]
    assert [given for given in gives if given] == [{purse.balance.name: 30}]
    assert slices.quiet


def test_a_new_day_forgets_the_old_ones_budget_unless_calls_hold_of_it() -> None:
    slices = Slices()
    idle, busy = slices.purse(caller(1), {"day": 100}, 0), slices.purse(caller(2), {"day": 100}, 0)
    slices.granted(busy.money[0].name, Grant(amount=30, left=100))
    busy.money[0].draw(10)
    slices.purse(caller(1), {"day": 100}, 1)
    slices.granted(idle.money[0].name, Grant(amount=7, left=100))
    assert slices.gives == {idle.money[0].name: 7}  # nobody can draw from it any more
    slices.granted(busy.money[0].name, Grant(amount=5, left=100))
    assert busy.money[0].free == 25


def test_what_others_want_is_given_and_what_could_not_be_given_is_kept() -> None:
    slices = Slices()
    balance = slices.purse(caller(1), {}, 0).balance
    slices.granted(balance.name, Grant(amount=30, left=100))
    assert slices.yield_up([balance.name, PotName("balance", 9)])
    assert not slices.yield_up([balance.name])
    gives, _ = slices.order([])
    assert gives == {balance.name: 30}
    slices.undo(gives)
    assert slices.order([])[0] == {balance.name: 30}


def test_credit_is_a_debt_to_the_books() -> None:
    slices = Slices()
    balance = slices.purse(caller(1), {}, 0).balance
    slices.credit(balance, 10)
    assert (balance.free, slices.gives) == (10, {balance.name: -10})
