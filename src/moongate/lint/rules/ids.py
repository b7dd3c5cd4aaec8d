"""What the rules about ids share: they report what `lint.judge` says, each its own code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from moongate.lint.rules.base import Hit, Rule, replaced
from moongate.lint.sheet import Sheet


class IdRule(Rule):
    """A rule about an id at the endpoint that it is meant for."""

    fixes: ClassVar[bool] = False

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the ids whose fault is this rule's."""
        for judged in sheet.judged:
            use, said = judged.use, judged.judgement
            if said.code != self.code:
                continue
            instead = use.prefix + said.instead if said.instead else None
            hint = f" (rests on {said.basis}, not on a list)" if said.is_hint else f" ({said.basis})"
            yield Hit(
                node=use.node,
                message=f"{said.message}{hint}.",
                reason=sheet.why(use),
                found=use.node.name,
                instead=instead,
                provider=sheet.provider(use),
                severity="warning" if said.doubtful else None,
                edits=replaced(use.node, instead) if instead and self.fixes else (),
            )
