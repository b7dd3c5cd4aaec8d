"""MG010."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from moongate.facts.providers import built_in
from moongate.lint.endpoints import is_private
from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Place, Sheet
from moongate.lint.spelling import distance

# Hosts that were seen in place of an endpoint's, and what was meant. Sources: docs, issue trackers.
MEANT = {
    wrong: right
    for right, hosts in {
        "api.moonshot.ai": "moonshot.ai www.moonshot.ai platform.moonshot.ai platform.kimi.ai api.kimi.moonshot.ai"
        # the first answers with a Cloudflare page (oai-compatible-copilot#134), the second is an old region
        " api.moonshot.com api-sg.moonshot.ai",
        "api.moonshot.cn": "moonshot.cn platform.moonshot.cn kimi.moonshot.cn platform.kimi.com",
        "openrouter.ai": "api.openrouter.ai www.openrouter.ai openrouter.com api.openrouter.com",
        "api.aimlapi.com": "aimlapi.com www.aimlapi.com api.aimlapi.ai",
    }.items()
    for wrong in hosts.split()
}
_API_PATH = re.compile(r"/(?:v1|api/v1|coding)(?:/|$)|/chat/completions$|/anthropic(?:/|$)")
_FAR = 2  # letters that a look-alike may differ by


class UnknownHost(Rule):
    """An address that looks like an endpoint's and is not.

    ## What it does

    Reports hosts that stand where an endpoint's address belongs and only look like it: another ending, a web site in
    place of its API, a letter too few. Hosts that resemble nothing are left alone: your own gateway is your affair.

    ## Why is this bad?

    The key is sent there.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.com/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    ```

    ## Use instead

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    ```
    """

    code = "MG010"
    name = "unknown-host"
    fix: ClassVar[Literal["always", "sometimes", "never"]] = "never"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the addresses whose host is taken for another."""
        for place in sheet.places:
            stands = place.node.name.strip().startswith(("http://", "https://"))  # else it is another place's
            if place.endpoint.is_known or is_private(place.where.host) or not stands:
                continue
            if not (place.is_base or _API_PATH.search(place.where.path)):
                continue
            meant = MEANT.get(place.where.host) or _alike(place.where.host)
            if meant is not None and not _is_console(place):
                yield _hit(place, meant)


def _hit(place: Place, meant: str) -> Hit:
    row = next(row for row in built_in().values() if meant in row.hosts)
    instead = row.base_url
    return Hit(
        node=place.node,
        message=f"{place.where.host!r} is no endpoint's host, and gets the key; {row.title} is at {row.base_url!r}.",
        reason=f"it looks like {meant!r}, and stands where calls are sent",
        found=place.where.text,
        instead=instead,
        provider=row.name,
    )


def _is_console(place: Place) -> bool:
    """Say whether an address is a page to look at: nothing in its path or its name speaks of an API."""
    return (not _API_PATH.search(place.where.path) and place.where.path not in ("",)) or (
        place.where.path == "" and not place.is_base
    )


def _alike(host: str) -> str | None:
    """Return the endpoint's host that this one is a misspelling of."""
    for row in built_in().values():
        for known in row.hosts:
            if known != host and (_is_other_ending(host, known) or distance(host, known, at_most=_FAR) <= _FAR):
                return known
    return None


def _is_other_ending(host: str, known: str) -> bool:
    """Say whether two hosts differ only by what follows the last dot: api.moonshot.io."""
    return host.rpartition(".")[0] == known.rpartition(".")[0] and "." in known.rpartition(".")[0]
