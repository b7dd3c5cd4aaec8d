"""What the rules about parameters share: each reports those findings of `wire.rules` that are its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from moongate.lint.finding import Edit
from moongate.lint.requests import Request
from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet

if TYPE_CHECKING:
    from moongate.wire.rules.records import Finding as Fault


class ParameterRule(Rule):
    """A rule about a parameter that stands beside a model."""

    rows: ClassVar[frozenset[str]]  # ids of rows in facts/rules.toml

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the parameters whose fault is this rule's."""
        for request in sheet.requests:
            for fault in _faults(sheet, request):
                place = request.places.get(fault.field.split(".")[0])
                if fault.rule in self.rows and place is not None and self.counts(fault, request.body):
                    yield Hit(
                        node=place,
                        message=fault.message,
                        reason=f"{request.bound.why}; {fault.source}, {fault.date}",
                        found=sheet.data[place.start : place.end].decode("utf-8", "replace"),
                        provider=request.bound.endpoint.name,
                        edits=self.edits(fault),
                    )

    def counts(self, fault: Fault, body: Mapping[str, Any]) -> bool:
        """Say whether a fault is worth a finding."""
        return True

    def edits(self, fault: Fault) -> tuple[Edit, ...]:
        """Return what mends it."""
        return ()


def _faults(sheet: Sheet, request: Request) -> tuple[Fault, ...]:
    from moongate.wire.rules import check  # its tables are read only where there is a request to judge

    row = request.bound.endpoint.row
    if row is None or request.bound.endpoint.kind != "row":
        return ()
    known = sheet.knowledge.of(request.bound.endpoint)
    model = known.listing.by_id.get(request.model) if known is not None and not known.is_hint else None
    return check({"model": request.model, "messages": [_SOME], **request.body}, model, row)


_SOME = {"role": "user", "content": "…"}
