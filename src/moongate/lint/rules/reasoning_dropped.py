"""MG040."""

from __future__ import annotations

from collections.abc import Iterator

from moongate.lint import conventions as known
from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet
from moongate.lint.tree import Kind, Node

_FIELD = "reasoning_content"
_TAKES_AWAY = frozenset({"pop", "omit", "delete", "del", "remove", "delattr", "unset"})


class ReasoningDropped(Rule):
    """An assistant's turn with tool calls that is rebuilt without its reasoning.

    ## What it does

    Reports code that puts an assistant's turn with `tool_calls` together anew and leaves `reasoning_content` out, or
    takes it out, on the way to a Kimi model at Moonshot that thinks.

    ## Why is this bad?

    The next request is refused: `thinking is enabled but reasoning_content is missing in assistant tool call message
    at index 2`. It works in every test without tools. At least ten projects shipped it.

    ## Example

    ```python
    messages.append({"role": "assistant", "content": message.content, "tool_calls": message.tool_calls})
    ```

    ## Use instead

    ```python
    messages.append(message)
    ```

    or, where it must be a table of its own:

    ```python
    turn = {"role": "assistant", "content": message.content, "tool_calls": message.tool_calls}
    turn["reasoning_content"] = message.reasoning_content
    messages.append(turn)
    ```

    Turns without tool calls may do without it.
    """

    code = "MG040"
    name = "reasoning-dropped"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield rebuilt turns, and places that take the reasoning out."""
        if b"tool" not in sheet.data or _never_thinks(sheet):
            return
        for node in sheet.nodes:
            if node.kind in (Kind.MAP, Kind.CALL) and _is_rebuilt(node):
                place = next(p for p in node.pairs() if known.plain(p.name) == "role" or p is not None)
                shown, what = _first_line(node, place), "is put together without reasoning_content"
            elif _takes_away(node):
                shown, what = node, "loses its reasoning_content"
            else:
                continue
            bound = sheet.speaks_moonshot(node)
            if bound is not None and not _keeps_it(node, shown):
                yield Hit(
                    node=shown,
                    message=f"The assistant's turn with tool calls {what}: Moonshot refuses the next request.",
                    reason=bound.why,
                    found=sheet.data[shown.start : shown.end].decode("utf-8", "replace").partition("\n")[0],
                    provider=bound.endpoint.name,
                )


def _is_rebuilt(node: Node) -> bool:
    pairs = {known.plain(pair.name): pair.value for pair in node.pairs()}
    calls = pairs.get("tool_calls")
    if calls is None or _FIELD in pairs or any(pair.name in ("**", "...") for pair in node.pairs()):
        return False
    role = pairs.get("role")
    is_assistant = role is not None and (role.name.lower().rpartition(".")[2].endswith("assistant"))
    if not (is_assistant or (node.kind is Kind.CALL and "assistant" in node.name.lower())):
        return False
    return any(
        inner.kind in (Kind.WORD, Kind.CALL, Kind.SCOPE) and inner.name not in _CONSTANT for inner in calls.walk()
    )


_CONSTANT = frozenset({"True", "False", "None", "true", "false", "null", "nil"})


def _first_line(node: Node, place: Node) -> Node:
    """Return the place to mark: where the turn begins."""
    return Node(Kind.TEXT, node.start, max(node.start + 1, min(node.end, place.start)), "")


def _takes_away(node: Node) -> bool:
    if node.kind is Kind.CALL and node.name.rpartition(".")[2].lower() in _TAKES_AWAY:
        return any(inner.kind is Kind.TEXT and inner.name == _FIELD for item in node.items for inner in item.walk())
    if node.kind is Kind.SCOPE and node.name == "delete":
        return any(inner.kind is Kind.WORD and inner.name.endswith(f".{_FIELD}") for inner in node.walk())
    is_statement = (
        node.up is not None and node.up.kind is Kind.SCOPE and node.up.name not in ("return", "delete", "catch")
    )
    return node.kind is Kind.WORD and is_statement and node.name.endswith(f".{_FIELD}")


def _keeps_it(node: Node, shown: Node) -> bool:
    """Say whether the function around gives the turn its reasoning in another way."""
    home = next((n for n in node.above() if n.kind is Kind.SCOPE and n.name in ("function", "module")), None)
    for inner in home.walk() if home is not None else ():
        if (
            inner.kind is Kind.PAIR
            and inner.name.rpartition(".")[2] == _FIELD
            and inner.value is not None
            and inner is not shown
        ):
            return True
        if inner.kind is Kind.CALL and inner.name == "setattr" and any(i.name == _FIELD for i in inner.items):
            return True
    return False


def _never_thinks(sheet: Sheet) -> bool:
    """Say whether every request of the file is for a model that does not think, or says that it should not."""
    requests = sheet.requests
    if not requests:
        return False
    return all(
        request.model.startswith("moonshot-v1")
        or (isinstance(thinking := request.body.get("thinking"), dict) and thinking.get("type") == "disabled")
        for request in requests
    )
