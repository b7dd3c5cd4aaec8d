"""The `[prices.PROVIDER."MODEL ID"]` tables: what a user says a model costs, instead of what a packaged list says.

Per million tokens. Numbers are read as they are written, never rounded on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from moongate.errors import ConfigError
from moongate.facts.money import Price
from moongate.facts.providers import Provider
from moongate.settings.files import ConfigFile

AMOUNTS = ("input", "cached_input", "output")
MOST = 10**6  # whole units per million tokens: nobody takes more than one unit for a token
_EXAMPLE = 'It looks like this: [prices.moonshot."kimi-k2.6"] input = "0.95", output = "4.00".'


def prices(config: tuple[ConfigFile, ...], rows: Mapping[str, Provider]) -> dict[str, dict[str, Price]]:
    """Return prices by provider and listed id; of two files the stronger one, which comes first, counts.

    Raises ConfigError for a provider that does not exist, a word or an amount that is none.
    """
    found: dict[str, dict[str, Price]] = {}
    for file in config:
        for name, models in file.tables.get("prices", {}).items():
            row = rows.get(name)
            if row is None:
                raise _wrong(file, (name,), f"[prices.{name}]: there is no provider {name!r}.")
            if not isinstance(models, dict):
                raise _wrong(file, (name,), f"prices.{name} is {models!r}, expected a table per model.")
            for model_id, said in models.items():
                found.setdefault(name, {}).setdefault(model_id, _price(said, model_id, row, file))
    return found


def _price(said: Any, model_id: str, row: Provider, file: ConfigFile) -> Price:
    where, path = f"[prices.{row.name}.{model_id!r}]", (row.name, model_id)
    if not isinstance(said, dict) or not {"input", "output"} <= said.keys() <= {*AMOUNTS, "currency"}:
        raise _wrong(
            file, path, f"{where} needs input and output, and may have cached_input and currency; nothing else."
        )
    currency = said.get("currency", row.currency)
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise _wrong(file, (*path, "currency"), f"{where}: currency is {currency!r}, expected a code such as USD.")
    amounts = {name: _amount(said[name], f"{where}: {name}", file, (*path, name)) for name in AMOUNTS if name in said}
    return Price(currency=currency, basis=f"your price in {file.path.name}", **amounts)


def _amount(value: Any, where: str, file: ConfigFile, path: tuple[str, ...]) -> Decimal:
    """Return a text or a number as it is written: the shortest digits of a float are those that were typed."""
    try:
        amount = Decimal(value if isinstance(value, str) else repr(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise _wrong(file, path, f"{where} is {value!r}, expected an amount per million tokens.")
    return amount


def _wrong(file: ConfigFile, path: tuple[str, ...], what: str) -> ConfigError:
    return ConfigError(f"{file.place('prices', *path)}: {what}", advice=_EXAMPLE)
