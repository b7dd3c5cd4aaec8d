"""Uploaded files that the body of a chat refers to: strings that are `ms://ID` and nothing else. Pure.

Whatever a JSON parser would read as such a string counts, escapes too: who may use a file hangs on it.
"""

from __future__ import annotations

import re

from moongate.wire.peek import Body

_REFERENCE = re.compile(
    rb'(?<!\\)"(?:m|\\u006[dD])(?:s|\\u0073)(?::|\\u003[aA])(?:/|\\/|\\u002[fF]){2}((?:[^"\\]|\\.)*)"', re.DOTALL
)
FILE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def may_refer(body: Body) -> bool:
    """Say, quickly, whether a body may refer to a file: never no where it does."""
    if body.find(b"ms:/") >= 0 or body.find(b"ms:\\") >= 0:
        return True
    return body.find(b"\\u") >= 0 and _REFERENCE.search(body) is not None


def file_ids_in(body: Body) -> tuple[str, ...]:
    """Return the ids, each once, in the order in which they are met, as they stand in the bytes."""
    found = (match[1].decode("utf-8", "replace") for match in _REFERENCE.finditer(body))
    return tuple(dict.fromkeys(found))
