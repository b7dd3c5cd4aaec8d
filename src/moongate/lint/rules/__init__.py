"""The rules, one file each; a rule's docstring is its page in the documentation."""

from __future__ import annotations

import functools

from moongate.lint.rules.base import Hit, Rule

__all__ = ["Hit", "Rule", "rules"]


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    from moongate.lint.rules.base_url import BaseUrl
    from moongate.lint.rules.fixed_parameter import FixedParameter
    from moongate.lint.rules.floating import Floating
    from moongate.lint.rules.forced_tool import ForcedTool
    from moongate.lint.rules.foreign import Foreign
    from moongate.lint.rules.host import UnknownHost
    from moongate.lint.rules.ignored_parameter import IgnoredParameter
    from moongate.lint.rules.invented import Invented
    from moongate.lint.rules.key_literal import KeyLiteral
    from moongate.lint.rules.key_variable import KeyVariable
    from moongate.lint.rules.media_url import MediaUrl
    from moongate.lint.rules.money_retried import MoneyRetried
    from moongate.lint.rules.not_listed import NotListed
    from moongate.lint.rules.reasoning_dropped import ReasoningDropped
    from moongate.lint.rules.retired import Retired
    from moongate.lint.rules.spelling import Spelling
    from moongate.lint.rules.usage_misread import UsageMisread

    return (
        *(NotListed(), Foreign(), Retired(), Invented(), Spelling(), Floating()),
        *(UnknownHost(), BaseUrl(), KeyVariable(), KeyLiteral()),
        *(FixedParameter(), IgnoredParameter(), ForcedTool(), MediaUrl()),
        *(ReasoningDropped(), MoneyRetried(), UsageMisread()),
    )
