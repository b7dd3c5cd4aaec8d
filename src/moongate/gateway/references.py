"""Uploaded files that the body of a chat refers to: strings that are `ms://ID` and nothing else. Pure.

Whatever a JSON parser would read as such a string counts, escapes too: who may use a file hangs on it. So does what
a parser of URLs would take for one (https://url.spec.whatwg.org): capitals, blanks before it, line ends within.
"""

from __future__ import annotations

import re

from moongate.wire.peek import Body

FILES_MAX = 256  # that one body refers to
_BLANKS = rb"(?: |\\[bfnrt]|\\u00(?:[01][0-9a-fA-F]|20))*"
_SCHEME = (
    rb"(?:[mM]|\\u00[46][dD])",
    rb"(?:[sS]|\\u00[57]3)",
    rb"(?::|\\u003[aA])",
    rb"(?:\\?/|\\u002[fF])",
    rb"(?:\\?/|\\u002[fF])",
)
# It begins with one certain byte, which makes the search through what refers to nothing twenty times as fast.
_REFERENCE = re.compile(
    rb'"' + _BLANKS + rb"(?:\\[nrt]|\\u000[9aAdD])*".join(_SCHEME) + rb'((?:[^"\\]|\\.)*)"', re.DOTALL
)
FILE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def may_refer(body: Body) -> bool:
    """Say, quickly, whether a body may refer to a file: never no where it does."""
    if body.find(b":/") >= 0 or body.find(b":\\") >= 0 or body.find(b"\\u003") >= 0:
        return _REFERENCE.search(body) is not None
    return False


def file_ids_in(body: Body) -> tuple[str, ...]:
    """Return the ids, each once, in the order in which they are met, as they stand in the bytes."""
    found: dict[str, None] = {}
    for match in _REFERENCE.finditer(body):
        if body[match.start() - 1 : match.start()] != b"\\":  # or the quote stands within a string
            found[match[1].decode("utf-8", "replace")] = None
    return tuple(found)
