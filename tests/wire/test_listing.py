"""Model lists in every shape that endpoints serve."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from moongate.errors import NotJsonError
from moongate.facts.models import Listing
from moongate.facts.providers import built_in, custom
from moongate.wire.listing import listing_from

ROWS = {**built_in(), "box": custom("box", base_url="http://127.0.0.1:8000/v1")}
K26 = {"id": "kimi-k2.6", "object": "model", "created": 1776700000, "owned_by": "moonshot", "context_length": 262144,
       "supports_image_in": True, "supports_video_in": True, "supports_reasoning": True}  # fmt: skip


def _listed(payload: object, provider: str = "moonshot") -> Listing:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return listing_from(body, ROWS[provider], fetched_at=7.0)


def test_moonshot() -> None:
    listing = _listed({"object": "list", "data": [K26, {"id": "kimi-latest"}]})
    model = listing.models[0]
    assert (model.id, model.context_length, model.input, model.reasoning) == (
        *("kimi-k2.6", 262144),
        ("text", "image", "video"),
        True,
    )
    assert (listing.provider, listing.fetched_at, listing.skipped) == ("moonshot", 7.0, 0)
    assert len(listing.sha256) == 64 and model.raw["owned_by"] == "moonshot" and not model.floating
    assert listing.models[1].floating and listing.models[1].context_length is None


def test_openrouter_without_object() -> None:
    row = {"id": "moonshotai/kimi-k2.6", "canonical_slug": "moonshotai/kimi-k2.6-20260420", "context_length": 262144,
           "architecture": {"input_modalities": ["text", "image"]}, "supported_parameters": ["tools", "reasoning"],
           "pricing": {"prompt": "0.00000095", "completion": "0.000004", "input_cache_read": "0.00000016"},
           "expiration_date": "2026-12-31"}  # fmt: skip
    latest = {"id": "~moonshotai/kimi-latest", "alias_target": {"slug": "x"}, "pricing": {"prompt": "-1"}}
    listing = _listed({"data": [row, latest], "total_count": 2, "links": {"next": None}}, "openrouter")
    first, second = listing.models
    assert first.price is not None and first.expires == "2026-12-31" and first.reasoning
    assert (str(first.price.input), first.price.currency) == ("0.95000000", "USD")
    assert first.input == ("text", "image") and second.floating and second.price is None
    assert "openrouter.ai" in first.price.basis


def test_aimlapi_with_aliases_and_repeated_ids() -> None:
    rows = [
        {"id": "moonshot/kimi-k2-6", "aliases": ["kimi-k2-6"], "type": t, "info": {"contextLength": 256000}}
        for t in ("openai/chat-completions", "openai/responses")
    ]
    rows[1]["aliases"] = ["kimi-k2.6-x", "moonshot/kimi-k2-6", 7, ""]
    listing = _listed({"object": "list", "data": rows}, "aimlapi")
    assert listing.ids == ("moonshot/kimi-k2-6",)
    assert set(listing.by_alias) == {"kimi-k2-6", "kimi-k2.6-x"} and listing.models[0].context_length == 256000


@pytest.mark.parametrize(
    ("payload", "provider", "ids", "context"),
    [
        ([{"id": "moonshotai/Kimi-K2.6"}], "box", ("moonshotai/Kimi-K2.6",), None),
        ({"object": "list", "data": [{"id": "m", "max_model_len": 32768}]}, "box", ("m",), 32768),
        ({"models": [{"name": "m"}], "data": [{"id": "m", "meta": {"n_ctx": 4096}}]}, "local", ("m",), 4096),
        ({"models": [{"model_id": "m", "context_window": 5}], "success": True}, "box", ("m",), 5),
        ({"data": [{"id": "kimi-for-coding", "type": "model", "context_length": 1048576}], "object": "list",
          "has_more": False}, "kimi-code", ("kimi-for-coding",), 1048576),
    ],
)  # fmt: skip
def test_other_shapes(payload: object, provider: str, ids: tuple[str, ...], context: int | None) -> None:
    listing = _listed(payload, provider)
    assert listing.ids == ids and listing.models[0].context_length == context
    assert listing.models[0].floating == (provider == "kimi-code")


def test_junk_rows_are_skipped_and_counted() -> None:
    junk = [None, 7, "kimi-k3", [], {}, {"id": None}, {"id": 7}, {"id": ""}, {"id": " a"}, {"id": "a\x1b[31m"},
            {"id": "x" * 513}, {"id": "a\u202eb"}]  # fmt: skip
    odd = {
        "id": "odd",
        "aliases": "x",
        "context_length": "9",
        "architecture": 1,
        "info": [],
        "meta": 0,
        "pricing": [],
    }
    listing = _listed({"data": [*junk, K26, odd]})
    assert listing.ids == ("kimi-k2.6", "odd") and listing.skipped == len(junk)
    assert listing.by_id["odd"].context_length is None and listing.by_id["odd"].input == ("text",)


def test_an_empty_list_is_a_list() -> None:
    assert _listed({"object": "list", "data": []}).ids == () == _listed([]).ids


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "empty"),
        (b"<html>hello</html>", "HTML"),
        (b'{"data":[', "not JSON"),
        (b'"kimi-k2.6"', "another kind"),
        (b"null", "another kind"),
        (b'{"data":{"endpoints":[]}}', "another kind"),
        (b'{"error":{"message":"x"}}', "another kind"),
        (b'{"data":[{"name":"kimi"}]}', "none with an id"),
        (b'{"data":' + b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_list_is_an_error_never_an_empty_list(body: bytes, told: str) -> None:
    with pytest.raises(NotJsonError, match=told):
        _listed(body)


def test_aimlapis_prices_are_per_so_many_tokens() -> None:
    def unit(origin: str, price: object, per: object = 1_000_000, **more: object) -> dict[str, object]:
        return {"name": "token", "content": "text", "origin": origin, "price": price, "per": per, **more}

    units = [unit("provided", 1.235), unit("generated", 0.0052, 1000), unit("cached", 0.208), unit("cache_write", 9)]
    odd = [unit("provided", 99, content="image"), {"name": "request", "price": 1}, 7]
    row = {"id": "m", "pricing": {"kind": "fixed", "currency": "USD", "units": [*odd, *units]}}
    price = _listed([row], "aimlapi").models[0].price
    assert price is not None and price.currency == "USD"
    assert (price.input, price.output, price.cached_input) == (Decimal("1.235"), Decimal("5.2"), Decimal("0.208"))
    lone, of_none, of_words = [units[0]], [units[0], unit("generated", 1, 0)], [units[0], unit("generated", "two")]
    for broken in (lone, of_none, of_words, units[0], None):
        row["pricing"]["units"] = broken  # type: ignore[index]
        assert _listed([row], "aimlapi").models[0].price is None


@pytest.mark.parametrize("amount", ["NaN", "-1", "Infinity", "1e999999", "1e999999999", None, [], "", "two"])
def test_what_is_no_price_is_none(amount: object) -> None:
    row = {"id": "m", "pricing": {"prompt": amount, "completion": "0.000001"}}
    assert _listed([row], "openrouter").models[0].price is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, ""),
        ({"has_more": False, "total_count": 1, "links": {"next": None}}, ""),
        ({"has_more": True}, "first page"),
        ({"links": {"next": "/models?page=2"}}, "first page"),
        ({"total_count": 5}, "1 rows of 5"),
        ({"data": [{"id": "kimi-k2.6"}, {"name": "?"}]}, "1 of its rows"),
        ({"data": []}, "empty"),
    ],
)
def test_a_list_that_may_not_be_whole_says_why(more: dict[str, object], why: str) -> None:
    partial = _listed({"object": "list", "data": [{"id": "kimi-k2.6"}]} | more).partial
    assert (why in partial) if why else partial == ""
