"""Repeated ids are found exactly, in memory and on the disk alike."""

from __future__ import annotations

from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.validate.unique import Repeat, Unique

IDS = st.lists(st.text(max_size=3) | st.sampled_from(["a", "b", "c", "\n", "é", "a\x00b"]), max_size=60)


def found(ids: list[str], step: int, **bounds: int) -> set[tuple[str, int, int]]:
    with closing(Unique(**bounds)) as unique:
        for at in range(0, len(ids), step):
            unique.add(ids[at : at + step], at + 1)
        repeats = list(unique.repeats())
    assert all(isinstance(repeat, Repeat) for repeat in repeats)
    result = {(repeat.id, repeat.first, repeat.again) for repeat in repeats}
    assert len(result) == len(repeats)
    return result


def expected(ids: list[str]) -> set[tuple[str, int, int]]:
    return {(id_, ids.index(id_) + 1, at) for at, id_ in enumerate(ids, 1) if ids.index(id_) + 1 != at}


@given(IDS, st.integers(1, 9), st.sampled_from([0, 400, 2000, 10**6]), st.sampled_from([0, 500, 10**6]))
def test_as_a_set_says(ids: list[str], step: int, in_memory: int, flush: int) -> None:
    assert found(ids, step, in_memory=in_memory, flush=flush, partitions=4) == expected(ids)


def test_ids_that_share_a_hash_are_not_the_same() -> None:
    assert found([str(number) for number in range(500)], 7, in_memory=0, flush=0, partitions=1) == set()


def test_an_id_that_comes_again_and_again() -> None:
    ids = ["x"] * 300
    assert found(ids, 10, in_memory=8000, flush=5000) == {("x", 1, number) for number in range(2, 301)}
