"""What moongate relies on at the Moonshot platform besides rules, prices and endpoints: rows of `platform.toml`.

Nothing is decided here: the code that relies on a row says so in its own place.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One thing that is relied on. `date` is YYYY-MM-DD, of its newest source."""

    id: str
    says: str
    source: str
    date: str
    sureness: Literal["sure", "uncertain"]


@functools.cache
def behaviours() -> tuple[Behaviour, ...]:
    """Return every row, in the order of the file."""
    text = resources.files("moongate.facts").joinpath("platform.toml").read_text("utf-8")
    rows = tomllib.loads(text)["behaviour"]
    return tuple(Behaviour(**{**row, "date": str(row["date"])}) for row in rows)
