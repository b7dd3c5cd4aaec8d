"""Which probes settle which packaged fact, and why some facts have no probe.

Data, and a test holds it against `known` and `probes`: a fact with neither is a defect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from moongate.acceptance.known import Known, known

RETIRED = "its models were taken out of service on 2026-08-31"
ELSEWHERE = "it is about another endpoint than the Moonshot platform"
PROVOKED = "it shows only when something breaks or runs out, which a probe must not provoke"
LARGE = "it would take an upload of 100 MB or more"
UNDECIDED = "no source says what would happen otherwise, so no answer could refute it"

SETTLED: Mapping[str, tuple[str, ...]] = {
    "provider moonshot": ("unknown-route", "balance-shape", "estimate-shape", "file-fields", "batch-fields"),
    "provider moonshot-cn": ("unknown-route", "balance-shape", "estimate-shape", "file-fields", "batch-fields"),
    "family k3": ("thinking-on-k3", "thinking-off-accepted"),
    "family k2.7-code": ("thinking-off-refused", "image-by-id"),
    "family k2.6": ("cool-temperature-0.6", "image-by-id"),
    "family k2.5": ("cool-temperature-0.6", "image-by-id"),
    "rule type": ("field-type",),
    "rule temperature-thinking": ("temperature-other", "pinned-accepted"),
    "rule temperature-not-thinking": ("cool-temperature-1", "cool-temperature-0.6"),
    "rule temperature-fixed": ("temperature-other", "pinned-accepted"),
    "rule top-p-fixed": ("top-p-other", "pinned-accepted"),
    "rule n-fixed": ("n-other", "pinned-accepted"),
    "rule presence-penalty-fixed": ("presence-penalty-other", "pinned-accepted"),
    "rule frequency-penalty-fixed": ("frequency-penalty-other", "pinned-accepted"),
    "rule thinking-type": ("thinking-type-other",),
    "rule thinking-always": ("thinking-off-refused",),
    "rule thinking-off-listed": ("thinking-off-accepted",),
    "rule thinking-keep": ("thinking-keep-other", "thinking-keep-all"),
    "rule thinking-type-only": ("thinking-keep-unasked",),
    "rule thinking-k3": ("thinking-on-k3", "thinking-off-accepted"),
    "rule effort-not-listed": ("effort-medium",),
    "rule effort-ignored": ("effort-medium",),
    "rule two-lengths": ("two-lengths",),
    "rule short-answer": ("short-answer",),
    "rule stop": ("stop-number",),
    "rule stop-count": ("six-stops",),
    "rule stop-bytes": ("stop-bytes",),
    "rule logprobs": ("logprobs",),
    "rule top-logprobs": ("top-logprobs-alone",),
    "rule response-format": ("response-format-other",),
    "rule json-schema-parts": ("schema-without-name",),
    "rule json-object-word": ("json-object-unasked",),
    "rule tool-choice-thinking": ("tool-choice-thinking",),
    "rule tool-choice-documented": ("tool-choice-calm",),
    "rule tool-choice-k3": ("tool-choice-k3",),
    "rule tool-type": ("tool-type-other",),
    "rule tool-name": ("function-name-digit",),
    "rule tool-name-length": ("function-name-long",),
    "rule tool-name-twice": ("function-name-twice",),
    "rule tool-count": ("many-tools",),
    "rule builtin-thinking": ("web-search-thinking",),
    "rule tool-parameters": ("parameters-no-object",),
    "rule schema": ("any-of-beside-type",),
    "rule messages-empty": ("empty-messages",),
    "rule role-developer": ("role-developer",),
    "rule role": ("role-other",),
    "rule message-empty": ("message-empty",),
    "rule text-empty": ("text-empty",),
    "rule part-type": ("part-audio",),
    "rule media-url": ("http-image", "image-by-id"),
    "rule media-format": ("media-no-image",),
    "rule reasoning-missing": ("reasoning-left-out",),
    "rule tool-call-id": ("tool-answer-uncalled",),
    "rule dynamic-tools": ("dynamic-tools-other",),
    "rule dynamic-content": ("dynamic-tools-content",),
    "rule partial-last": ("partial-not-last",),
    "rule partial-json": ("partial-json",),
    "rule functions": ("functions",),
    "rule undocumented": ("undocumented-fields",),
    "rule file-purpose": (
        "purpose-file-extract",
        "purpose-image",
        "purpose-video",
        "purpose-batch",
        "purpose-batch_output",
        "purpose-lambda",
    ),
    "rule file-zero": ("file-empty",),
    "rule batch-model": ("batch-k3", "batch-ends"),
    "rule batch-sampling": ("batch-sampling",),
    "behaviour no-key": ("no-key",),
    "behaviour wrong-key": ("wrong-key",),
    "behaviour unknown-route": ("unknown-route",),
    "behaviour models-id": ("models-id",),
    "behaviour unknown-model": ("unknown-model",),
    "behaviour balance": ("balance-shape",),
    "behaviour estimate": ("estimate-shape",),
    "behaviour answer-id": ("answer-id",),
    "behaviour tool-call-id": ("tool-call-id",),
    "behaviour stream-usage": ("stream-usage",),
    "behaviour cached-tokens": ("cached-tokens",),
    "behaviour cache-prefix": ("cache-prefix",),
    "behaviour cache-life": ("cache-life",),
    "behaviour max-tokens": ("max-tokens",),
    "behaviour reasoning-counts": ("short-answer",),
    "behaviour limits-told": ("limits-told",),
    "behaviour limit-headers": ("limit-headers",),
    "behaviour tier-header": ("tier-header",),
    "behaviour retry-after": ("retry-after",),
    "behaviour file-object": ("file-fields",),
    "behaviour file-text": ("file-content",),
    "behaviour file-delete": ("file-deleted",),
    "behaviour file-images": ("file-image-text",),
    "behaviour batch-object": ("batch-fields",),
    "behaviour batch-window": ("batch-window-short", "batch-window-long", "batch-fields"),
    "behaviour batch-endpoint": ("batch-endpoint-other",),
    "behaviour batch-metadata": ("batch-metadata-many",),
    "behaviour batch-list": ("batch-list",),
    "behaviour batch-cancel": ("batch-cancel", "batch-cancel-twice"),
    "behaviour batch-states": ("batch-fields", "batch-cancelled", "batch-ends"),
    "behaviour batch-output": ("batch-output",),
}

UNPROBED: Mapping[str, str] = {
    "family moonshot-v1": RETIRED,
    "rule temperature-range": RETIRED,
    "rule top-p-range": RETIRED,
    "rule n-range": RETIRED,
    "rule n-cold": RETIRED,
    "rule presence-penalty-range": RETIRED,
    "rule frequency-penalty-range": RETIRED,
    "rule thinking-unknown": RETIRED,
    "rule tool-choice-v1": RETIRED,
    "rule top-logprobs-range": "logprobs themselves are refused by every model that is served now",
    "rule batch-model-not-named": RETIRED,
    "rule window": "if it did not hold, one answer could cost more than any small cap",
    "rule media-input": "it is the live list's own word, and every model served now takes pictures",
    "rule file-size": LARGE,
    "rule body-size": LARGE,
    "rule aimlapi-dropped": ELSEWHERE,
    "rule batch-stream": UNDECIDED,
    "behaviour stream-end": "a stream that is whole shows nothing of one that is not",
    "behaviour refused-free": "one refusal is too small a sum to show in the balance; the run's difference is told",
    "behaviour given-up-charged": "a call that is given up costs an unknown sum",
    "behaviour no-money": PROVOKED,
    "behaviour tpm-counted-ahead": "it would take half a million tokens a minute to see",
    "behaviour tpd-day": "it would take a day's tokens to see",
    "behaviour overloaded": PROVOKED,
    "behaviour gateway-timeout": "it would take a quarter of an hour of silence, or two hours",
    "behaviour errors": PROVOKED,
    "behaviour file-count": "it would take 1000 files or 10 GB",
    "behaviour batch-errors": "what makes one line of a good batch fail is not documented",
    "behaviour batch-order": UNDECIDED,
    "behaviour batch-one-model": "it needs a second model that may be batched, and this run is about one",
    "behaviour batch-cancel-charge": UNDECIDED,
    "behaviour schema-sizes": "whether flaws are refused at all is asked first, by any-of-beside-type",
    "behaviour key-beginnings": ELSEWHERE,
    "behaviour kimi-code-errors": ELSEWHERE,
    "behaviour openrouter-errors": ELSEWHERE,
    "behaviour openrouter-reasoning": ELSEWHERE,
    "behaviour aimlapi-errors": ELSEWHERE,
}

_HINT = "a hint explains a refusal and allows nothing; what an endpoint serves is its live list's to say"
_PRICE = "one run is too small to show a price; `moongate check --chat` holds a call against the balance"


def settled_by(fact: Known) -> tuple[str, ...]:
    """Return the ids of the probes that settle a fact, none where no probe does."""
    return SETTLED.get(fact.key, ())


def reason(fact: Known) -> str | None:
    """Say why a fact has no probe, None when nothing says why."""
    by_kind = {"hint": _HINT, "price": _PRICE, "provider": ELSEWHERE}
    return UNPROBED.get(fact.key) or by_kind.get(fact.kind)


def not_probed() -> Iterator[tuple[Known, str]]:
    """Yield every fact about the platform that no probe asks, with the reason. Hints are no facts about it."""
    for fact in known():
        why = reason(fact)
        if fact.kind != "hint" and not settled_by(fact) and why is not None:
            yield fact, why
