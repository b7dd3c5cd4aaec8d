"""What the ledger adds up to: by day, model, provider, key, account or tag, in any combination.

SQL on a connection that is handed in; it reads the roll-ups, never the ledger's lines, so its cost does not grow with
the calls.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from moongate.errors import UsageError
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money
from moongate.gateway.pots import DAY_S

By = Literal["day", "provider", "model", "key", "account", "tag"]
USUAL: tuple[By, ...] = ("day", "provider", "model")
COUNTS = (
    "calls", "failed", "unpriced", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens",
)  # fmt: skip
_EXPRESSIONS: dict[By, str] = {
    "day": "u.day",
    "provider": "u.provider",
    "model": "u.model",
    "key": "u.key_id",
    "account": "a.name",
    "tag": "coalesce(t.value, '')",
}
_SELECT = """
SELECT {groups}, {counts}, u.currency, sum(u.cost_nano) AS cost_nano, sum(u.latency_ms) AS latency_ms
  FROM usage u LEFT JOIN keys k ON k.id = u.key_id LEFT JOIN accounts a ON a.id = k.account_id {tags}
 WHERE u.day >= ? GROUP BY {names}, u.currency ORDER BY {names}, u.currency
"""


@dataclass(frozen=True, kw_only=True)
class Used:
    """What one group took, in one currency."""

    group: dict[str, str | int]  # by what it was asked for: a day as YYYY-MM-DD, a key by its id
    currency: str
    cost_nano: int
    counts: dict[str, int]  # see COUNTS
    latency_ms: int  # all calls together

    @property
    def document(self) -> dict[str, Any]:
        """The group as JSON; amounts are texts. A call whose price is not known counts in `unpriced` only."""
        mean = round(self.latency_ms / self.counts["calls"])
        cost = Money(nano=self.cost_nano, currency=self.currency).amount
        return {**self.group, **self.counts, "cost": cost, "currency": self.currency, "mean_latency_ms": mean}


def used(connection: sqlite3.Connection, by: Sequence[By] = USUAL, *, since: float = 0.0) -> tuple[Used, ...]:
    """Return what was used since the day (UTC) of a moment. A call with two tags counts for both."""
    names = [f'"{name}"' for name in by]
    sql = _SELECT.format(
        groups=", ".join(f'{_EXPRESSIONS[name]} AS "{name}"' for name in by),
        counts=", ".join(f"sum(u.{name}) AS {name}" for name in COUNTS),
        names=", ".join(names),
        tags="LEFT JOIN json_each(k.tags) t" if "tag" in by else "",
    )
    return tuple(_used(by, row) for row in connection.execute(sql, (int(since // DAY_S),)))


def groups_from(text: str) -> tuple[By, ...]:
    """Return what to group by, from names between commas. Raises UsageError."""
    names = [name.strip() for name in text.split(",")]
    known = get_args(By)
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None or len(set(names)) < len(names):
        raise UsageError(
            f"Usage cannot be told by {text[:80]!r}.", advice=f"Give some of {', '.join(known)}, between commas."
        )
    return tuple(name for name in known if name in names)


def _used(by: Sequence[By], row: sqlite3.Row) -> Used:
    group: dict[str, str | int] = {name: row[name] for name in by}
    if "day" in group:
        group["day"] = rfc3339(row["day"] * DAY_S)[:10]
    return Used(
        group=group,
        currency=row["currency"],
        cost_nano=row["cost_nano"],
        counts={name: row[name] for name in COUNTS},
        latency_ms=row["latency_ms"],
    )
