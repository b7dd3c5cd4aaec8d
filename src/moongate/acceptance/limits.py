"""Probes of caching and of limits: what is observable without sending more than a few small calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moongate.acceptance import judges
from moongate.acceptance.probe import CALM, CHAT, SWITCHED, TOKENS, Ask, Probe, Subject, chat

CACHE_LIFE_S = 240.0  # below every time that was measured


def caching() -> Iterator[Probe]:
    """What of a repeated prompt is cached, and, with patience, for how long."""
    yield Probe(
        id="cache-prefix",
        fact="A prompt that begins as an earlier one did is cached in units of 256 tokens",
        question="What is cached of a prompt that only begins as an earlier one did?",
        rests_on="documentation (2026-08-13); one live test looked like whole requests (2026-07-17)",
        build=_prompts("moon", (("hi", 0.0), ("hi", 0.0), ("bye", 0.0))),
        judge=judges.cached_by_prefix,
    )
    yield Probe(
        id="cache-life",
        fact=f"What is cached is there after {CACHE_LIFE_S:.0f} s",
        question="Is a repeated prompt still cached after some minutes?",
        rests_on="5 to 30 minutes measured at Kimi Code; the documentation names no time",
        build=_prompts("sun", (("hi", 0.0), ("hi", 0.0), ("hi", CACHE_LIFE_S))),
        judge=judges.cached_after(CACHE_LIFE_S),
        takes_s=CACHE_LIFE_S,
    )


def _prompts(word: str, ends: tuple[tuple[str, float], ...]) -> Callable[[Subject], tuple[Ask, ...]]:
    """Return what asks a long prompt that begins with `word` once for each end, each after its wait in seconds."""
    begin = " ".join(f"Line {number}: the {word} stands over the gate." for number in range(70))
    begin = f"{word.capitalize()}. {begin}"

    def build(subject: Subject) -> tuple[Ask, ...]:
        calm = CALM if subject.family in SWITCHED else {}
        return tuple(
            Ask(
                method="POST",
                path=CHAT,
                fields={
                    "model": subject.model,
                    "messages": [{"role": "user", "content": f"{begin} Say {end}."}],
                    "max_completion_tokens": TOKENS,
                    **calm,
                },
                worst_tokens=TOKENS,
                after_s=wait,
            )
            for end, wait in ends
        )

    return build


def limits() -> Iterator[Probe]:
    """What answers tell of limits, and what the 429s did that the run met by itself."""
    yield Probe(
        id="limit-headers",
        fact="A chat's answer has no X-RateLimit headers",
        question="Does an answer tell the limits?",
        rests_on="not seen in any capture; the help centre promises them",
        build=chat({}),
        judge=judges.no_limit_headers,
    )
    yield Probe(
        id="tier-header",
        fact="The header msh-gid of an answer names the account's tier",
        question="Does an answer tell the tier?",
        rests_on="published captures (to 2026-09-22)",
        build=chat({}),
        judge=judges.has_header("msh-gid"),
    )


def overheard() -> Iterator[Probe]:
    """What the 429s of the run said; none is provoked. These come last."""
    yield Probe(
        id="limits-told",
        fact="The text of a 429 for too many calls names the limit",
        question="Do the texts of this run's 429s name limits?",
        rests_on="published captures (to 2026-09-22)",
        build=lambda subject: (),
        judge=judges.limits_told,
        overhears=True,
    )
    yield Probe(
        id="retry-after",
        fact="A 429 tells whole seconds in Retry-After",
        question="What do this run's 429s have in Retry-After?",
        rests_on="one measurement (2026-09-01); documentation names the header",
        build=lambda subject: (),
        judge=judges.whole_seconds,
        overhears=True,
    )
