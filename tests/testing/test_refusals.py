"""Every refusal has words in every dialect."""

from __future__ import annotations

from typing import get_args

import msgspec

from moongate.testing.exchange import Received, Refusal
from moongate.testing.refusals import Dialect, rendered, rows


def test_every_row_can_be_told_in_every_dialect() -> None:
    request = Received(method="GET", path="/v1/x", query={}, headers={})
    for dialect in get_args(Dialect):
        for name in rows()["moonshot"] | rows()[dialect]:
            reply = rendered(Refusal(name=name, fields=_fields()), request, dialect, "platform")
            assert 400 <= reply.status <= 503
            assert msgspec.json.decode(reply.body)


def _fields() -> dict[str, object]:
    words = (
        "scope field value low high expected got choice model org ak credit limit seconds current index role url kind"
    )
    return dict.fromkeys([*words.split(), "id", "requested", "name", "details", "purpose", "status", "scope"], "x")
