"""A user's own prices: exact, checked, theirs alone to set."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from moongate.errors import ConfigError, UntrustedProjectError
from moongate.facts.money import Price
from moongate.settings import Settings, files

Decide = Callable[..., Settings]
KEY = {"MOONSHOT_API_KEY": "sk-aaaaaaaa"}
HERE = '[prices.moonshot."kimi-k2.6"]\n'


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ('input = "0.95"\noutput = "4"', Price(currency="USD", input=Decimal("0.95"), output=Decimal(4))),
        (
            'input = 0.1\ncached_input = 0.016\noutput = 4\ncurrency = "EUR"',
            Price(currency="EUR", input=Decimal("0.1"), output=Decimal(4), cached_input=Decimal("0.016")),
        ),
        ("input = 0\noutput = 1e-3", Price(currency="USD", input=Decimal(0), output=Decimal("0.001"))),
    ],
)
def test_amounts_are_read_as_they_are_written(
    decide: Decide, folders: dict[str, Path], text: str, price: Price
) -> None:
    (folders["config"] / "config.toml").write_text(HERE + text)
    (found,) = decide(KEY).row.prices.values()
    assert (found.currency, found.input, found.output, found.cached_input) == (
        price.currency,
        price.input,
        price.output,
        price.cached_input,
    )
    assert found.basis == "your price in config.toml"


def test_prices_follow_the_row_that_rules_at_the_address(decide: Decide, folders: dict[str, Path]) -> None:
    text = '[prices.moonshot-cn.a]\ninput = 1\noutput = 2\n[prices.mine.a]\ninput = 3\noutput = 4\ncurrency = "USD"\n'
    own = '[providers.mine]\nbase_url = "https://llm.example/v1"\nkey_env = "MINE_KEY"\n'
    (folders["config"] / "config.toml").write_text(text + own)
    china = decide({**KEY, "MOONSHOT_BASE_URL": "https://api.moonshot.cn/v1"}).row
    assert (china.name, china.prices["a"].currency) == ("moonshot-cn", "CNY")
    mine = decide({"MINE_KEY": "k"}, provider="mine").row
    assert mine.prices["a"].input == 3
    assert decide(KEY).row.prices == {}


def test_of_two_files_the_stronger_counts_model_by_model(decide: Decide, folders: dict[str, Path]) -> None:
    project = folders["work"] / "moongate.toml"
    project.write_text("[prices.moonshot.a]\ninput = 1\noutput = 1\n")
    (folders["config"] / "config.toml").write_text(
        "[prices.moonshot.a]\ninput = 2\noutput = 2\n[prices.moonshot.b]\ninput = 3\noutput = 3\n"
    )
    with pytest.raises(UntrustedProjectError, match=r"has a \[prices\] table"):
        decide(KEY)
    files.trust(project, folders["config"])
    assert {name: price.input for name, price in decide(KEY).row.prices.items()} == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prices = 7", "expected a table"),
        ("[prices]\nmoonshot = 7", "expected a table per model"),
        ("[prices.moonshot]\na = 7", "needs input and output"),
        ("[prices.nobody.a]\ninput = 1\noutput = 1", "no provider 'nobody'"),
        (HERE + "input = 1", "needs input and output"),
        (HERE + "input = 1\noutput = 1\nbatch = 1", "nothing else"),
        (HERE + "input = -1\noutput = 1", "input is -1"),
        (HERE + "input = true\noutput = 1", "input is True"),
        (HERE + "input = nan\noutput = 1", "input is nan"),
        (HERE + 'input = "cheap"\noutput = 1', "input is 'cheap'"),
        (HERE + "input = 1e99\noutput = 1", "expected an amount"),
        (HERE + "input = [1]\noutput = 1", "expected an amount"),
        (HERE + 'input = 1\noutput = 1\ncurrency = "dollars"', "currency is 'dollars'"),
        ("[prices.local.a]\ninput = 1\noutput = 1", "currency is None"),
    ],
)
def test_what_is_no_price_is_named(decide: Decide, folders: dict[str, Path], text: str, told: str) -> None:
    path = folders["config"] / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told) as caught:
        decide(KEY)
    assert str(path) in str(caught.value)
