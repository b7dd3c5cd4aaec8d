"""MG041."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from moongate.lint.finding import Severity
from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet
from moongate.lint.tree import Kind, Node

_MONEY = re.compile(
    r"quota|balance|insufficient|billing|recharge|arrears|top.?up|payment|money|suspended|exceeded_current", re.I
)
_MONEY_TYPE = "exceeded_current_quota_error"
_RETRY = re.compile(r"retr(?:y|ies)|transient|temporar|recoverable|backoff|again", re.I)
_WAITS = re.compile(r"(?:^|[._])(?:sleep|delay|wait|backoff|set_?timeout|retry\w*|after)$", re.I)
_RATE = re.compile(r"RateLimit|TooManyRequests|rate_limit_error", re.I)
_STATUS = re.compile(r"status|code", re.I)
_DECIDES = re.compile(r"retry_if_exception_type|on_exception|retry_on_exception|retry_if_exception|^retry$|\.retry$")


class MoneyRetried(Rule):
    """A retry that does not tell an empty account from a full queue.

    ## What it does

    Reports code for Moonshot that waits and tries again on every 429, or on `exceeded_current_quota_error` itself,
    and never looks at what the error says.

    ## Why is this bad?

    Moonshot answers 429 both when too much is asked at once and when the account is empty. The second does not pass:
    the loop runs until somebody pays, and hides the reason.

    ## Example

    ```python
    while True:
        try:
            return client.chat.completions.create(model="kimi-k2.6", messages=messages)
        except openai.RateLimitError:
            time.sleep(2)
    ```

    ## Use instead

    ```python
        except openai.RateLimitError as error:
            if error.type == "exceeded_current_quota_error":
                raise
            time.sleep(2)
    ```
    """

    code = "MG041"
    name = "money-retried"
    severity: ClassVar[Severity] = "warning"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the places that decide to try again."""
        for node in sheet.nodes:
            place = _retried(node)
            if place is None or (place.name != _MONEY_TYPE and _looks(place, node)):
                continue
            bound = sheet.speaks_moonshot(node)
            if bound is not None:
                yield Hit(
                    node=place,
                    message="Tries again on every 429, which at Moonshot may mean an empty account.",
                    reason=bound.why,
                    found=sheet.data[place.start : place.end].decode("utf-8", "replace").partition("\n")[0],
                    provider=bound.endpoint.name,
                )


def _retried(node: Node) -> Node | None:
    """Return what is tried again on, where a node decides so."""
    if node.kind is Kind.TEXT and node.name == _MONEY_TYPE:
        return node if _is_retry_list(node) else None
    if node.kind is Kind.SCOPE and node.name == "catch":
        caught = next((n for n in node.items if n.kind is Kind.TEST), None)
        return caught if caught is not None and _names(caught, _RATE) and _tries_again(node) else None
    if node.kind is Kind.SCOPE and node.name == "if":
        tested = node.items[0] if node.items and node.items[0].kind is Kind.TEST else None
        if tested is None or not _tries_again(node):
            return None
        return tested if _is_429(tested) or _names(tested, _RATE) else None
    if node.kind is Kind.CALL and _DECIDES.search(node.name):
        named = any(
            inner.kind is Kind.WORD and _RATE.search(inner.name) for item in node.items for inner in item.walk()
        )
        return node if named else None
    if (
        node.kind is Kind.PAIR
        and _RETRY.search(node.name)
        and node.value is not None
        and node.value.kind is Kind.SCOPE
    ):
        return next((n for n in node.value.walk() if n.kind is Kind.TEST and _is_429(n)), None)
    if node.kind is Kind.PAIR and node.name == "status_forcelist" and node.value is not None:
        return node if any(n.kind is Kind.NUMBER and n.name == "429" for n in node.value.walk()) else None
    return None


def _is_retry_list(node: Node) -> bool:
    for group in node.above():
        if group.kind is Kind.PAIR and _RETRY.search(group.name):
            return True
        if group.kind is Kind.SCOPE:
            tested = group.items[0] if group.items else None
            return group.name == "if" and tested is not None and node in tested.walk() and _tries_again(group)
    return False


def _is_429(tested: Node) -> bool:
    inner = list(tested.walk())
    number = any(n.kind is Kind.NUMBER and n.name == "429" for n in inner)
    return number and any(n.kind in (Kind.WORD, Kind.CALL) and _STATUS.search(n.name) for n in inner)


def _names(node: Node, pattern: re.Pattern[str]) -> bool:
    return any(inner.kind in (Kind.WORD, Kind.TEXT) and pattern.search(inner.name) for inner in node.walk())


def _tries_again(scope: Node) -> bool:
    """Say whether a block waits or goes round again, rather than giving up at once."""
    for node in scope.walk():
        if node.kind is Kind.CALL and _WAITS.search(node.name):
            return True
        if node.kind is Kind.SCOPE and node.name == "continue":
            return True
        if node.kind is Kind.WORD and node.name == "continue":
            return True
    return False


def _looks(place: Node, node: Node) -> bool:
    """Say whether the function around looks at what the error says about money."""
    home = next((n for n in (node, *node.above()) if n.kind is Kind.SCOPE and n.name in ("function", "module")), node)
    return any(
        inner is not place
        and inner.kind in (Kind.TEXT, Kind.WORD, Kind.CALL, Kind.PAIR)
        and _MONEY.search(inner.name)
        for inner in home.walk()
    )
