"""Text that came from outside, made safe to show: secrets taken out, control sequences removed.

Deciding what is shown, and where, is the caller's; this module only cleans.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Kimi and OpenRouter keys, organisation and access-key identifiers as they stand in 429 texts, and bearer headers.
_SECRETS = re.compile(
    r"\b(sk-|org-|ak-)[A-Za-z0-9][A-Za-z0-9_\-]{3,}|\b(Bearer\s+)[A-Za-z0-9._\-]{8,}|(?<=//)[^/@\s]+:[^/@\s]+@"
)
# ESC-introduced sequences (CSI, OSC with its terminator, two-byte ones) and the one-byte CSI.
_SEQUENCES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?"
)
# What is left of control characters, and the bidirectional overrides that reorder what a reader sees.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text without keys and account identifiers; `secrets` are taken out literally too."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    return _SECRETS.sub(lambda m: f"{m[1] or m[2] or ''}[redacted]", text)


def printable(text: str) -> str:
    """Return text that cannot move a terminal's cursor, colour it, retitle it or reverse its reading order."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def excerpt(text: str, length: int = 300) -> str:
    """Return one printable line of at most `length` characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"
