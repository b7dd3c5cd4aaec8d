"""MG033."""

from __future__ import annotations

from collections.abc import Iterator

from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet
from moongate.lint.tree import Kind, Node

_NAMES = frozenset({"imageurl", "videourl"})


class MediaUrl(Rule):
    """An http address where an image or a video is expected.

    ## What it does

    Reports `image_url` and `video_url` parts with a public address in messages for a Moonshot endpoint.

    ## Why is this bad?

    Moonshot takes data urls and `ms://` file ids; it fetches nothing: `Invalid request: unsupported image url`.

    ## Example

    ```python
    {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    ```

    ## Use instead

    ```python
    data = base64.b64encode(Path("cat.png").read_bytes()).decode()
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    ```

    OpenRouter fetches public addresses, so they are right there.
    """

    code = "MG033"
    name = "http-media-url"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield public addresses of media in messages for Moonshot."""
        for node in sheet.nodes:
            if node.kind is not Kind.PAIR or node.name.replace("_", "").lower() not in _NAMES or node.value is None:
                continue
            text = next((t for t in _texts(sheet, node.value) if t.name.startswith(("http://", "https://"))), None)
            if text is None:
                continue
            endpoint = sheet.speaks_moonshot(node)
            if endpoint is not None:
                yield Hit(
                    node=text,
                    message="Moonshot fetches no public addresses: send a data url, or upload the file and send ms://ID.",
                    reason=endpoint.why,
                    found=text.name,
                    provider=endpoint.endpoint.name,
                )


def _texts(sheet: Sheet, value: Node) -> Iterator[Node]:
    for inner in [value, *value.pairs()] if value.kind in (Kind.MAP, Kind.CALL) else [value]:
        of = inner.value if inner.kind is Kind.PAIR and inner.name.lower() == "url" else inner
        if of is None or of.kind is Kind.MAP:
            continue
        for node in [of, *sheet.names.values(of)]:
            if node.kind is Kind.TEXT:
                yield node
            elif node.kind is Kind.JOIN and node.items and node.items[0].kind is Kind.TEXT:
                yield node.items[0]
