from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from moongate.facts.moments import rfc3339


def test_a_moment_in_utc() -> None:
    assert rfc3339(1_795_470_000.9) == "2026-11-23T21:40:00Z"


@given(st.floats(0, 4e9))
def test_it_is_what_the_c_library_says(seconds: float) -> None:
    assert rfc3339(seconds) == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
