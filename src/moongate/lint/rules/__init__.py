"""The rules, one file each; a rule's docstring is its page in the documentation."""

from __future__ import annotations

import functools

from moongate.lint.rules.base import Hit, Rule

__all__ = ["Hit", "Rule", "rules"]


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    from moongate.lint.rules.base_url import BaseUrl
    from moongate.lint.rules.floating import Floating
    from moongate.lint.rules.foreign import Foreign
    from moongate.lint.rules.host import UnknownHost
    from moongate.lint.rules.invented import Invented
    from moongate.lint.rules.not_listed import NotListed
    from moongate.lint.rules.retired import Retired
    from moongate.lint.rules.spelling import Spelling

    return (NotListed(), Foreign(), Retired(), Invented(), Spelling(), Floating(), UnknownHost(), BaseUrl())
