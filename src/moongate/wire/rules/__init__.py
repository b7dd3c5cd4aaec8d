"""What a model at Moonshot accepts in a chat request, told before the request leaves.

`check` says what the provider would object to, `apply` obeys a mode: "raise" refuses what is surely wrong, "fix"
changes what can be changed without changing what was asked for and says so, "pass" does not look. What the live list
says about a model comes first, the dated rows of `facts/rules.toml` second. Where sources contradict each other a
rule only warns. Nothing here sends anything; prices, keys and model ids are others' business.
"""

from __future__ import annotations

from moongate.wire.rules.apply import apply, passable
from moongate.wire.rules.check import UNKNOWN_MODEL, check, check_batch, check_body_size, check_file
from moongate.wire.rules.records import Applied, Change, Edit, Finding, Mode, RuleError
from moongate.wire.rules.rows import Family, Rule, families, keeps_reasoning, rules

__all__ = [
    "UNKNOWN_MODEL",
    "Applied",
    "Change",
    "Edit",
    "Family",
    "Finding",
    "Mode",
    "Rule",
    "RuleError",
    "apply",
    "check",
    "check_batch",
    "check_body_size",
    "check_file",
    "families",
    "keeps_reasoning",
    "passable",
    "rules",
]
