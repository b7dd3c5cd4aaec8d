"""MG021."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from moongate.lint import conventions as known
from moongate.lint import gitignore
from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet
from moongate.lint.tree import Kind, Node

_OURS = re.compile(r"sk-(?:kimi-[A-Za-z0-9_-]{16,}|or-v1-[0-9a-f]{32,}|[A-Za-z0-9]{40,})(?![A-Za-z0-9_-])")
_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_PLACEHOLDER = re.compile(
    r"x{4,}|\.{3}|…|\*{3,}|your|here|example|placeholder|dummy|fake|test|change|redacted|insert|replace|0{8,}|1234567|abcdef"
    r"|sample|secret|todo|<|>|none",
    re.IGNORECASE,
)


class KeyLiteral(Rule):
    """A key in the code.

    ## What it does

    Reports what has the form of a Kimi, Moonshot, OpenRouter or AIMLAPI key in code or configuration, redacted in
    every report. Placeholders are left alone, and so is a `.env` that git ignores: keys belong there.

    ## Why is this bad?

    Whoever can read the repository, or its history, can spend the money.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key="sk-kimi-<48 letters and digits>")
    ```

    ## Use instead

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    ```

    A key that was committed is known: revoke it, then take it out.
    """

    code = "MG021"
    name = "key-literal"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the keys that stand in a file."""
        if _is_for_keys(sheet.path):
            return
        for node in sheet.nodes:
            if node.kind is not Kind.TEXT:
                continue
            for key in _keys(node):
                place = _place(sheet, node, key)
                if place is not None:
                    start = next((s for s in ("sk-kimi-", "sk-or-v1-", "sk-") if key.startswith(s)), "")
                    yield Hit(
                        node=place,
                        message="A key stands in the code: revoke it, and read it from the environment.",
                        reason=_form(key),
                        found=f"{start}[redacted]",
                        secret=True,
                    )


def _is_for_keys(path: str) -> bool:
    """Say whether a file is one that keys belong into, and git keeps it out of the repository."""
    file = Path(path)
    return file.name.lower().startswith(".env") and gitignore.above(file.parent, within=True).ignores(
        str(file.resolve()), is_folder=False
    )


def _keys(node: Node) -> Iterator[str]:
    for found in _OURS.finditer(node.name):
        if not _is_placeholder(found[0]):
            yield found[0]
    plain = _HEX.search(node.name) if _is_given_as_key(node) else None
    if plain is not None and not _is_placeholder(plain[0]):
        yield plain[0]


def _is_given_as_key(node: Node) -> bool:
    """Say whether a text is given as a key to something of AIMLAPI's, whose keys have no prefix."""
    pairs = [n for n in node.above() if n.kind is Kind.PAIR][:1]
    return any("aiml" in known.plain(pair.name) and known.is_key_key(pair.name) for pair in pairs)


def _is_placeholder(key: str) -> bool:
    body = re.sub(r"^sk-(?:kimi-|or-v1-)?", "", key)
    return _PLACEHOLDER.search(body) is not None or _entropy(body) < 3.0


def _entropy(text: str) -> float:
    """Return bits per character: a random key of letters and digits has more than 4, `xxxx` none."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


def _place(sheet: Sheet, node: Node, key: str) -> Node | None:
    at = sheet.data.find(key.encode(), node.start, node.end)
    return Node(Kind.TEXT, at, at + len(key), key) if at >= 0 else None


def _form(key: str) -> str:
    forms = (("sk-kimi-", "Kimi Code's keys"), ("sk-or-", "OpenRouter's keys"), ("sk-", "Moonshot's keys"))
    whose = next((title for start, title in forms if key.startswith(start)), "AIMLAPI's keys")
    return f"it has the form of {whose}"
