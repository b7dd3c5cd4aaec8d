"""Which files can matter at all, told from their bytes: the others are never decoded or parsed."""

from __future__ import annotations

# One of these stands in every file that a rule can say something about. Compared in lower case.
CANDIDATES = (b"kimi", b"moonshot", b"openrouter", b"aimlapi", b"aiml_api", b"sk-or-v1-")


def may_matter(data: bytes) -> bool:
    """Say whether a file holds one of the candidate strings, in any letter case."""
    low = data.lower()
    return b"kimi" in low or b"moonshot" in low or b"openrouter" in low or b"aiml" in low or b"sk-or-v1-" in low
