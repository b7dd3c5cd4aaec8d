"""Rows of /v1/models: Moonshot's fields, exact prices, endings that are taken; written once for each list."""

from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import built_in
from moongate.gateway.listed import REMEMBERED, Listed, listed

PRICE = Price(currency="USD", input=Decimal("0.95"), output=Decimal(4), cached_input=Decimal("0.16"), basis="listed")
MODEL = Model(
    id="kimi-k2.6",
    context_length=8192,
    input=("text", "image"),
    price=PRICE,
    raw={"created": 7, "owned_by": "moonshot"},
)


def spelled(name: str = "kimi-k2.6", model: Model | None = MODEL, provider: str = "moonshot") -> tuple[str, Any]:
    return name, SimpleNamespace(model=model, row=built_in()[provider])


def test_a_row_has_moonshots_fields_and_the_price_of_a_token() -> None:
    (row,) = listed((spelled("main/kimi-k2.6"),))["data"]
    assert (row["id"], row["object"], row["created"], row["owned_by"]) == ("main/kimi-k2.6", "model", 7, "moonshot")
    assert (row["supports_image_in"], row["supports_video_in"], row["supports_reasoning"]) == (True, False, False)
    assert row["pricing"] == {
        "prompt": "0.00000095",
        "completion": "0.000004",
        "input_cache_read": "0.00000016",
        "currency": "USD",
        "note": "listed",
    }


def test_endings_are_told_where_the_provider_takes_them_on_that_id() -> None:
    model = Model(id="moonshotai/kimi-k2.6")
    (plain,) = listed((spelled("spare/moonshotai/kimi-k2.6", model, "openrouter"),))["data"]
    assert ":nitro" in plain["suffixes"]
    (pinned,) = listed((spelled("best", model, "openrouter"),))["data"]
    assert "suffixes" not in pinned


def test_an_id_that_no_list_has_is_shown_without_what_is_not_known() -> None:
    (row,) = listed((spelled("kimi-secret", None),))["data"]
    assert (row["context_length"], row["owned_by"], "pricing" in row) == (None, "moonshot", False)


def test_a_list_is_written_once_until_it_changes() -> None:
    found = Listed()
    first = (spelled(),)
    assert found.body(first) is found.body(first)
    changed = (spelled(), spelled("best"))
    assert len(json.loads(found.body(changed))["data"]) == 2
    for number in range(2 * REMEMBERED):
        found.body((spelled(str(number)),))
    assert json.loads(found.body(first)) == listed(first)
