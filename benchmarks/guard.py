"""What the guard costs per call with the list in memory, against encoding the same body with msgspec.

Bound: under 50 µs a call for an ordinary body. The guard resolves the name, then reads the final bytes again, so its
cost grows with the body; the larger bodies show how. Exit code 1 when the bound is passed.
"""

from __future__ import annotations

import sys
import timeit
from typing import Any

import msgspec

from moongate.catalog.live import Catalog
from moongate.client.guard import Guard
from moongate.facts.providers import built_in
from moongate.testing import MoonshotServer
from moongate.wire.calls import chat_body

BOUND_US = 50.0
BOUNDED_BYTES = 4096


def main() -> int:
    """Print the table and return the exit code."""
    row = built_in()["openrouter"]
    body = _large_list()
    catalog = Catalog(row, lambda: body)
    guard = Guard(row=row, catalog=catalog)
    name = "moonshotai/kimi-k2.6"
    guard.allow(name)
    passed = True
    print(f"{'body':>9} {'guard µs':>9} {'encode µs':>10} {'ratio':>6}   (list of {len(catalog.listing().ids)} ids)")
    for size in (400, 4_000, 64_000, 1_000_000):
        messages = [{"role": "user", "content": "x" * size}]
        request = chat_body(model=name, messages=messages)
        guarded = _best(lambda request=request: _guarded(guard, name, request))
        encoded = _best(lambda messages=messages: chat_body(model=name, messages=messages))
        print(f"{len(request):>9} {guarded:9.1f} {encoded:10.1f} {guarded / encoded:6.1f}")
        passed &= guarded < BOUND_US or len(request) > BOUNDED_BYTES
    return 0 if passed else 1


def _guarded(guard: Guard, name: str, request: bytes) -> None:
    permit = guard.at_hand(name)
    if permit is None:
        raise SystemExit("the list is not in memory")
    guard.check(request, (permit,))


def _large_list() -> bytes:
    """Return a list as long as OpenRouter's: its rows are those of the faithful server, repeated under other ids."""
    import httpx2

    with MoonshotServer(dialect="openrouter") as server, httpx2.Client(trust_env=False) as client:
        rows: list[dict[str, Any]] = client.get(f"{server.base_url}/models").json()["data"]
    more = [{**rows[n % len(rows)], "id": f"vendor-{n}/model-{n}"} for n in range(400)]
    return msgspec.json.encode({"data": [*rows, {**rows[0], "id": "moonshotai/kimi-k2.6"}, *more]})


def _best(call: Any) -> float:
    """Return the least time of one call in µs, over repeats: the least is what the code costs, the rest is noise."""
    number = max(1, int(0.05 / max(timeit.timeit(call, number=1), 1e-6)))
    return min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6


if __name__ == "__main__":
    sys.exit(main())
