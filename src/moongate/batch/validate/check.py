"""A whole file held against everything that can be known before it is sent, in memory that does not grow with it.

Ordinary lines are read a block at a time (`shape`), the others one by one in full (`judge`); every id is compared
with every other one (`unique`). Faults go out as they are found, so that whoever asked decides how many to keep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, BinaryIO

import msgspec

from moongate.batch.blocks import Block, blocks
from moongate.batch.records import Limits
from moongate.batch.validate.estimate import Tally
from moongate.batch.validate.faults import Fault, Report
from moongate.batch.validate.judge import Checks, Judge, Judged, Permitted, read_value
from moongate.batch.validate.mend import Change, mended
from moongate.batch.validate.shape import Read, Shape
from moongate.batch.validate.unique import Unique
from moongate.facts.money import Price
from moongate.ledger.price import batch_price_of, price_of

SHAPES = 8  # that are tried on a line before it is read in full
LEARNT = 64  # shapes of one file; a program writes few, and a file of random keys has none
VERDICTS = 10_000  # combinations of parameters that are remembered
_BLANK = b" \t\r"

WORD = "json"  # that a rule looks for in the messages
_ASKING = ("as json", "JSON is what I should like to have, please")
_OTHERS = ("as you like", "whatever it is that you should like, please")

Values = tuple[bytes | int, ...]


class Verdict(msgspec.Struct, frozen=True):
    """What the rules say of parameters: in lines whose texts have the word, and in others."""

    asking: tuple[Fault, ...]
    others: tuple[Fault, ...]

    @property
    def clear(self) -> bool:
        """Whether there is no fault in either."""
        return not (self.asking or self.others)


def validate(
    stream: BinaryIO,
    checks: Checks,
    *,
    on_fault: Callable[[Fault], None] = lambda fault: None,
    corrected: BinaryIO | None = None,
    on_change: Callable[[Change], None] = lambda change: None,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Check every line of a batch file and return the report on it.

    `on_fault` is handed every fault: in the order of lines, those of repeated ids last. With `corrected`, the file is
    written there with every change that can be made, each told to `on_change`; faults are then those that are left.
    `progress` is told the bytes read. Raises UsageError for a file that cannot be read to its end, StorageError for
    a disk that is full, and what the permit raises when there is no model list.
    """
    with closing(Unique()) as unique:
        run = _Run(checks, unique, on_fault, corrected, on_change)
        for block in blocks(stream, longest=checks.limits.max_bytes):
            run.block(block)
            progress(block.offset + block.size)
        return run.report()


class _Run:
    """One file on its way through."""

    def __init__(
        self,
        checks: Checks,
        unique: Unique,
        on_fault: Callable[[Fault], None],
        corrected: BinaryIO | None,
        on_change: Callable[[Change], None],
    ) -> None:
        self._checks, self._judge, self._unique = checks, Judge(checks), unique
        self._on_fault, self._corrected, self._on_change = on_fault, corrected, on_change
        self._shapes: list[Shape] = []  # the one that fitted last comes first
        self._known: set[tuple[Any, ...]] = set()
        self._verdicts: dict[tuple[Shape, Values], Verdict | None] = {}
        self._tally = Tally()
        self._kinds: Counter[str] = Counter()
        self._models: Counter[str] = Counter()
        self._first: Permitted | None = None  # the model of the file
        self._errors = self._warnings = self._fixed = 0
        self._bytes = self._lines = self._blank = self._first_blank = 0

    def block(self, block: Block) -> None:
        """Take the next lines of the file."""
        self._bytes += block.size
        self._lines += len(block.lines)
        if block.too_long:
            most = self._checks.limits.max_bytes
            said = f"it has {block.size} bytes, more than the {most} of a whole file"
            self._emit(Fault(line=block.first, kind="size", message=said))
            if self._corrected is not None:
                self._on_change(Change(line=block.first, message="a line too long to be sent was left out"))
        elif not self._shapes or not self._quick(self._shapes[0], block.data, block.lines, block.first):
            for number, line in enumerate(block.lines, block.first):
                self._line(line, number)

    def report(self) -> Report:
        """Compare the ids, and return what is to be said of the file."""
        for repeat in self._unique.repeats():
            said = f"its custom_id {repeat.id[:80]!r} is that of line {repeat.first} too"
            self._emit(Fault(line=repeat.again, kind="duplicate_id", message=said, field="custom_id"))
        requests = self._lines - self._blank
        if not requests:
            self._emit(Fault(line=0, kind="empty", message="the file holds no request"))
        if self._blank:
            self._blanks()
        return Report(
            bytes=self._bytes,
            lines=self._lines,
            requests=requests,
            errors=self._errors,
            warnings=self._warnings,
            kinds=dict(self._kinds.most_common()),
            models=dict(self._models.most_common()),
            parts=_parts(self._bytes, requests, self._checks.limits),
            fixed=self._fixed,
            estimate=self._tally.estimate(_price(self._first, self._checks)),
        )

    def _quick(self, shape: Shape, data: bytes, lines: Sequence[bytes], first: int) -> bool:
        """Take lines that are of a shape and whose parameters can be judged by themselves; say whether they are."""
        if len(data) > self._checks.limits.max_bytes:  # one of them alone may be too large
            return False
        found = shape.read(data, lines)
        if found is None:
            return False
        counts = Counter(found.values())
        verdicts = {values: self._verdict(shape, values) for values in counts}
        faulty = {values: verdict for values, verdict in verdicts.items() if verdict and not verdict.clear}
        if None in verdicts.values():
            return False
        faults = list(_faults(found, faulty, first)) if faulty else []
        if faults and self._corrected is not None:
            return False
        for fault in faults:
            self._emit(fault)
        for values, count in counts.items():
            self._tally.parameters(dict(zip(shape.names, values, strict=True)), count)
        self._tally.text(found.text)
        self._models[self._judge.answer(shape.model).permitted.id] += len(lines)
        self._unique.add(found.ids, first)
        self._write(data)
        return True

    def _verdict(self, shape: Shape, values: Values) -> Verdict | None:
        """Return what the rules say of parameters, None where that depends on the messages too, or cannot be said."""
        key = (shape, values)
        if key not in self._verdicts:
            if len(self._verdicts) >= VERDICTS:
                self._verdicts.clear()
            self._verdicts[key] = self._judged_alone(shape, values)
        return self._verdicts[key]

    def _judged_alone(self, shape: Shape, values: Values) -> Verdict | None:
        answer = self._judge.answer(shape.model)
        if answer.fault is not None or not self._same_model(answer.permitted):
            return None
        try:
            body = {name: _value(value) for name, value in zip(shape.names, values, strict=True)}
        except ValueError:
            return None
        body["model"] = shape.model

        def said(text: str) -> tuple[Fault, ...]:
            asked = body | {"messages": [{"role": "user", "content": text}]}
            return tuple(self._judge.parameters(asked, answer.permitted.model, 0))

        asking, others = said(_ASKING[0]), said(_OTHERS[0])
        if asking != others and (asking != said(_ASKING[1]) or others != said(_OTHERS[1])):
            return None  # it is not for the word that they differ
        return Verdict(asking, others)

    def _line(self, line: bytes, number: int) -> None:
        """Take one line: by a shape that it has, else in full."""
        line = line.removesuffix(b"\n")
        if not line.strip(_BLANK):
            self._blank += 1
            self._first_blank = self._first_blank or number
            return
        for place, shape in enumerate(self._shapes[:SHAPES]):
            if self._quick(shape, line, [line], number):
                if place:
                    self._shapes.insert(0, self._shapes.pop(place))
                return
        self._in_full(line, number)

    def _in_full(self, line: bytes, number: int) -> None:
        judged = self._judge.line(line, number)
        before = len(judged.faults)
        if self._corrected is not None and any(fault.fix for fault in judged.faults):
            line, judged, changes = mended(line, judged, self._judge, number)
            self._fixed += before - len(judged.faults)
            for change in changes:
                self._on_change(change)
        for fault in judged.faults:
            self._emit(fault)
        if judged.custom_id is not None:
            self._unique.add([judged.custom_id], number)
        if judged.permitted is not None:
            self._model(judged.permitted, number)
        if judged.body is not None:
            self._tally.body(judged.body)
            self._learn(judged)
        self._write(line)

    def _model(self, permitted: Permitted, number: int) -> None:
        self._models[permitted.id] += 1
        if not self._same_model(permitted):
            assert self._first is not None  # noqa: S101 - what it differs from
            said = f"it asks for {permitted.id!r}, the lines before for {self._first.id!r}: a file has one model"
            self._emit(Fault(line=number, kind="models", message=said, field="model"))

    def _same_model(self, permitted: Permitted) -> bool:
        """Say whether a line may have this model; the first one asked about is the file's."""
        self._first = self._first or permitted
        return permitted.id == self._first.id

    def _learn(self, judged: Judged) -> None:
        """Keep the shape of a line that could have been read quickly."""
        body = judged.body
        if body is None or judged.permitted is None or len(self._known) >= LEARNT or not Shape.fits(body):
            return
        if (key := Shape.key(body)) not in self._known:
            self._known.add(key)
            self._shapes.insert(0, Shape(body))

    def _emit(self, fault: Fault) -> None:
        self._kinds[fault.rule or fault.kind] += 1
        if fault.severity == "error":
            self._errors += 1
        else:
            self._warnings += 1
        self._on_fault(fault)

    def _blanks(self) -> None:
        """Say once that there are blank lines; every file may end with one."""
        if self._corrected is not None:
            self._fixed += self._blank
            self._on_change(Change(line=self._first_blank, message=f"{self._blank} blank lines were taken out"))
        elif self._blank > 1 or self._first_blank < self._lines:
            said = f"{self._blank} blank lines, the first one here; what a provider makes of them is not documented"
            self._emit(
                Fault(line=self._first_blank, kind="blank", message=said, severity="warning", fix="takes them out")
            )

    def _write(self, data: bytes) -> None:
        if self._corrected is None:
            return
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
        self._corrected.write(data if data.endswith(b"\n") else data + b"\n")


def _faults(found: Read, faulty: Mapping[Values, Verdict], first: int) -> Iterator[Fault]:
    """Yield the faults of lines, each with its number."""
    for place, values in enumerate(found.values()):
        verdict = faulty.get(values)
        if verdict is None:
            continue
        same = verdict.asking == verdict.others
        for fault in verdict.asking if same or found.ask(WORD, place) else verdict.others:
            yield msgspec.structs.replace(fault, line=first + place)


def _value(value: bytes | int) -> Any:
    return value if isinstance(value, int) else read_value(value)


def _parts(size: int, requests: int, limits: Limits) -> int:
    """Return in how many files it will travel, at least: where lines are long, a file may not be filled up."""
    by_lines = -(-requests // limits.max_lines) if limits.max_lines else 1
    return max(-(-size // limits.max_bytes), by_lines, 1)


def _price(permitted: Permitted | None, checks: Checks) -> Price | None:
    """Return what the file's model costs: as a batch where it is one and a price was published for that."""
    if permitted is None or permitted.model is None:
        return None
    batched = batch_price_of(permitted.model, checks.row) if checks.native else None
    return batched or price_of(permitted.model, checks.row)
