"""Rows of a ledger as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def csv_from(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of the same names as CSV with a head; nothing for no rows. None is an empty cell."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
