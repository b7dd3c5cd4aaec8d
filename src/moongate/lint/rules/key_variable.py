"""MG020."""

from __future__ import annotations

from collections.abc import Iterator

from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet
from moongate.lint.signs import Sign
from moongate.lint.tree import Kind


class KeyVariable(Rule):
    """A key variable of another region or product.

    ## What it does

    Reports an address and a key variable in one call, table or command that belong to different endpoints.

    ## Why is this bad?

    Keys of `api.moonshot.ai`, `api.moonshot.cn` and Kimi Code are three different things, and every other provider's
    is a fourth. Each answers the others' with 401, which reads like a bad key; and the key has been sent to a
    stranger.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["OPENROUTER_API_KEY"])
    ```

    ## Use instead

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    ```

    `MOONSHOT_API_KEY` passes for both regions, as the vendor's own guides use it for both; `KIMI_API_KEY` for
    Moonshot and Kimi Code. A `.env` file may well hold the keys of several providers.
    """

    code = "MG020"
    name = "key-variable"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the variables that stand beside another endpoint's address."""
        seen: set[int] = set()
        for group in sheet.groups:
            where, key = _address_of(group), _key_of(group)
            if where is None or key is None or key.node.start in seen:
                continue
            endpoint = where.endpoints[0]
            variable = key.says.rpartition(" ")[2]
            right = endpoint.row.key_variables if endpoint.row is not None else ()
            if endpoint.kind != "row" or endpoint in key.endpoints or variable in right:
                continue
            seen.add(key.node.start)
            owner = key.endpoints[0].title if key.endpoints else "another vendor"
            yield Hit(
                node=key.node,
                message=f"{variable} holds a key of {owner}; {endpoint.title} takes {' or '.join(right[:1])}.",
                reason=f"{where.says} stands beside it",
                found=variable,
                instead=right[0] if right else None,
                provider=endpoint.name,
            )


def _address_of(group: tuple[Sign, ...]) -> Sign | None:
    """Return the address of a group that has exactly one endpoint."""
    urls = [sign for sign in group if sign.kind == "url"]
    return urls[0] if urls and len({sign.endpoints[0].name for sign in urls}) == 1 else None


def _key_of(group: tuple[Sign, ...]) -> Sign | None:
    keys = [
        sign for sign in group if sign.kind == "key" and sign.node.kind is not Kind.PAIR
    ]  # a pair: an environment
    return keys[0] if keys and len({sign.says for sign in keys}) == 1 else None
