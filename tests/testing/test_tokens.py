"""The count that can be foretold, and the prefix cache."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moongate.testing import Readings
from moongate.testing.tokens import PrefixCache, count, prompt_bytes, prompt_tokens


def test_a_quarter_of_the_bytes_rounded_up() -> None:
    assert [count(text) for text in ("", "a", "abcd", "abcde", "月")] == [0, 1, 1, 2, 1]


def test_what_a_prompt_is_made_of() -> None:
    messages = [{"role": "user", "content": "hi"}]
    assert prompt_bytes(messages) == b"user\nhi\n"
    assert prompt_tokens(messages, [{"type": "function"}]) > prompt_tokens(messages)
    parts = [{"type": "text", "text": "hi"}]
    assert prompt_bytes([{"role": "user", "content": parts}]) == b"user\nhi\n"


def test_an_image_counts_the_same_whatever_its_size() -> None:
    def tokens(data: str) -> int:
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
        return prompt_tokens([{"role": "user", "content": [part]}])

    assert tokens("AA") == tokens("A" * 99_999) == 1024 + 2


@given(st.integers(0, 4000), st.integers(0, 4000))
def test_cached_is_the_common_prefix_in_whole_units(same: int, tail: int) -> None:
    cache = PrefixCache()
    cache.cached("org", "model", b"s" * same + b"a" * tail, Readings(), 0)
    second = b"s" * same + b"b" * tail
    cached = cache.cached("org", "model", second, Readings(), 0)
    assert cached % 256 == 0 and cached <= count(second)
    if count(second) > 256 and tail:
        assert cached == same // 1024 * 256
    assert cache.cached("other", "model", second, Readings(), 0) == 0


def test_what_is_cached_ends_and_is_renewed_by_use() -> None:
    cache, prompt = PrefixCache(), b"s" * 4096
    found = [cache.cached("org", "model", prompt, Readings(cache_life_s=300), now) for now in (0, 300, 600, 901)]
    assert found == [0, 1024, 1024, 0]
