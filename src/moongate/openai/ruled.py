"""The model's rules, held against the merged body of a chat before its bytes are written.

What is refused, changed or passed on is the setting `rules`, as for `moongate.Client`; warnings are logged once.
"""

from __future__ import annotations

from collections.abc import Mapping

from openai._models import FinalRequestOptions

from moongate.openai.watch import Watch
from moongate.wire import rules


def ruled(options: FinalRequestOptions, watch: Watch) -> FinalRequestOptions:
    """Return the options with what the rules changed. Raises RuleError for what the model does not take."""
    body = options.json_data
    if not isinstance(body, Mapping) or not _is_chat(options, watch):
        return options
    merged = {**body, **options.extra_json} if options.extra_json else body
    applied = rules.apply(merged, watch.listed(merged.get("model")), watch.parts.row, watch.settings.rules)
    watch.tell(change.message for change in applied.changes)
    watch.tell(warning.message for warning in applied.warnings)
    if applied.changes:
        options.json_data, options.extra_json = dict(applied.body), None
    return options


def _is_chat(options: FinalRequestOptions, watch: Watch) -> bool:
    if options.url == "/chat/completions" and options.method == "post":
        return True  # as the SDK itself writes it
    route = str(options.url).partition("?")[0].removeprefix(watch.base).lstrip("/")
    return (options.method.lower(), route) == ("post", "chat/completions")
