from __future__ import annotations

import csv
import io

from moongate.ledger.table import csv_from


def test_rows_come_back_from_the_text() -> None:
    rows = [{"model": 'a,"b"\n', "cost": None}, {"model": "", "cost": "1.5"}]
    assert list(csv.DictReader(io.StringIO(csv_from(rows)))) == [{"model": 'a,"b"\n', "cost": ""}, rows[1]]
    assert csv_from([]) == ""
