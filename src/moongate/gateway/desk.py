"""The gateway's database behind one blocking object: accounts, keys, ledger, what it adds up to.

Used by the command line as it is, and by the running gateway from one thread (`clerk`). Every method is one
transaction; errors of SQLite and of the disk come out as StorageError.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from moongate.facts.money import Money
from moongate.gateway import accounts, admin_key, content, crew, keys, usage
from moongate.gateway.accounts import Account
from moongate.gateway.content import Said
from moongate.gateway.keys import KeyRow
from moongate.gateway.limits import Limits
from moongate.gateway.usage import By, Used
from moongate.ledger import book
from moongate.ledger.entry import Entry
from moongate.store.sqlite import explained, open_database, transaction

__all__ = ["Account", "Desk", "Entry", "KeyRow"]

FILE_NAME = "gateway.sqlite3"


class Desk:
    """The database at `path`, made if it is not there. Close it, or use it in a `with`."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._connection = open_database(path)
        with explained(path):
            crew.reap(self._connection, crew.folder_of(path))

    def create_account(self, name: str, balance: Money) -> Account:
        """Add an account in the balance's currency. Raises UsageError for a name that is taken."""
        with self._writing():
            return accounts.create(self._connection, name, balance, now=self._clock())

    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts, by name."""
        with explained(self.path):
            return accounts.every(self._connection)

    def account(self, name: str) -> Account:
        """Return one account. Raises UsageError when there is none of that name."""
        with explained(self.path):
            return accounts.find(self._connection, name)

    def top_up(self, name: str, amount: Money) -> Account:
        """Add money to an account and return it. Raises UsageError for an unknown name or another currency."""
        with self._writing():
            return accounts.top_up(self._connection, name, amount)

    def create_key(self, account: str, name: str = "", limits: Limits | None = None) -> tuple[KeyRow, str]:
        """Make a key; the second value is its secret, which is shown here and never again."""
        with self._writing():
            return keys.create(self._connection, account, name, limits, now=self._clock())

    def limit_key(self, which: str, limits: Limits) -> KeyRow:
        """Replace the limits and tags of a key, named by id or shown prefix."""
        with self._writing():
            return keys.limit(self._connection, which, limits)

    def keys(self, account: str | None = None) -> tuple[KeyRow, ...]:
        """Return the keys of an account, or of all, revoked ones too."""
        with explained(self.path):
            return keys.every(self._connection, account)

    def has_keys(self) -> bool:
        """Say whether any key opens the gateway."""
        with explained(self.path):
            return keys.any_active(self._connection, now=self._clock())

    def key(self, which: str) -> KeyRow:
        """Return the key that is meant by an id or a shown prefix. Raises UsageError."""
        with explained(self.path):
            return keys.named(self._connection, which)

    def first_admin_key(self) -> str | None:
        """Make the admin key if there is none yet, and return it: it is shown here and never again."""
        with self._writing():
            return admin_key.first(self._connection, now=self._clock())

    def new_admin_key(self) -> str:
        """Replace the admin key; the old one opens nothing from now on."""
        with self._writing():
            return admin_key.make(self._connection, now=self._clock())

    def is_admin(self, secret: str) -> bool:
        """Say whether a secret is the admin key."""
        with explained(self.path):
            return admin_key.opens(self._connection, secret)

    def rotate(self, which: str) -> tuple[KeyRow, str]:
        """Give a key, named by id or shown prefix, a new secret, which is the second value."""
        with self._writing():
            return keys.rotate(self._connection, which, now=self._clock())

    def revoke(self, which: str) -> KeyRow:
        """End a key, named by id or shown prefix."""
        with self._writing():
            return keys.revoke(self._connection, which, now=self._clock())

    def entries(self, account: str | None = None, *, since: float = 0.0) -> tuple[Entry, ...]:
        """Return the ledger's lines, oldest first, of one account or of all."""
        with explained(self.path):
            account_id = None if account is None else accounts.find(self._connection, account).id
            return tuple(book.entries(self._connection, account_id=account_id, since=since))

    def used(self, by: Sequence[By] = usage.USUAL, *, since: float = 0.0) -> tuple[Used, ...]:
        """Return what was used since the day (UTC) of a moment, in the groups that were asked for."""
        with explained(self.path):
            return usage.used(self._connection, by, since=since)

    def content(self, request_id: str) -> Said | None:
        """Return what was said in a call, where `log_content` was on and the time to keep it is not over."""
        path = content.beside(self.path)
        if not path.exists():
            return None
        with explained(path), contextlib.closing(content.opened(path)) as connection:
            return content.find(connection, request_id)

    def close(self) -> None:
        """Close the file; twice does no harm."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with explained(self.path), transaction(self._connection):
            yield
