"""Marks are values: setting one leaves the old ones as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.marks import DONE, DOUBT, FAILED, PAGE, SENT, Marks, table

TOTALS = st.sampled_from([1, 7, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])


@given(total=TOTALS, changes=st.lists(st.tuples(st.integers(0, 3 * PAGE - 1), st.integers(0, 15)), max_size=30))
def test_they_behave_as_a_list_that_is_copied_at_every_change(total: int, changes: list[tuple[int, int]]) -> None:
    marks, plain = Marks(total), [0] * total
    for index, mark in changes:
        before = marks
        marks, plain = marks.set(index % total, mark), list(plain)
        assert before == Marks(total) or len(before) == total
        plain[index % total] = mark
    assert [marks[index] for index in range(total)] == plain
    assert list(marks.waiting()) == [index for index, mark in enumerate(plain) if not mark & (SENT | DONE | FAILED)]
    assert marks.count(DONE) == plain.count(DONE)


def test_a_table_changes_the_marks_it_names_and_no_other() -> None:
    marks = Marks(PAGE + 2).set(0, SENT).set(PAGE + 1, SENT | DOUBT).set(5, DONE)
    changed = marks.translated(table({SENT: DOUBT, SENT | DOUBT: DOUBT}))
    assert (changed[0], changed[PAGE + 1], changed[5], changed[1]) == (DOUBT, DOUBT, DONE, 0)
    assert marks[0] == SENT and hash(marks) != hash(changed)
