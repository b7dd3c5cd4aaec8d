"""The line of a setting: found by the parser itself, whatever stands around it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.settings.lines import line_of, lines_of

TEXT = '''# [gateway.upstreams.fake]
provider = "moonshot"

[gateway]            # rpm = 1
cors_origins = [
  "https://a.example",  # hosts = []
  # hosts = 3
]
note = """
hosts = ["no"]
[gateway.upstreams.no]
"""
"max_body_bytes" = 5
limits.rpm = 3

  [gateway.upstreams."main one"]
  provider = 'moonshot'

[gateway.upstreams.inline]
key = { env = "X", file = "Y" }

[[lists]]
a = 1
[[lists]]
a = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("provider", 2),
        ("gateway", 4),
        ("gateway cors_origins", 5),
        ("gateway note", 9),
        ("gateway max_body_bytes", 13),
        ("gateway limits rpm", 14),
        ("gateway upstreams inline", 19),
        ("gateway upstreams inline key file", 20),
        ("gateway upstreams inline nothing", 19),
        ("gateway hosts", 4),
        ("lists", 22),
        ("lists a", 23),
        ("nothing", None),
    ],
)
def test_the_line_is_that_of_the_setting_or_the_table_around_it(path: str, line: int | None) -> None:
    assert line_of(tuple(path.split()), lines_of(TEXT)) == line


def test_quoted_names_and_indented_tables() -> None:
    assert lines_of(TEXT)["gateway", "upstreams", "main one", "provider"] == 17
    assert ("gateway", "upstreams", "fake") not in lines_of(TEXT)
    assert ("gateway", "upstreams", "no") not in lines_of(TEXT)


def test_windows_line_ends_count_as_others() -> None:
    assert lines_of(TEXT.replace("\n", "\r\n")) == lines_of(TEXT)


NAMES = st.text("ab.#[]\"' =\n\\é", min_size=1, max_size=4)
VALUES = st.integers() | st.booleans() | st.text(max_size=10) | st.lists(st.integers(), max_size=3)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4))
def test_every_setting_that_is_written_is_found_where_it_was_written(document: dict[str, dict[str, Any]]) -> None:
    import tomlkit

    text = tomlkit.dumps(document)
    assert tomllib.loads(text) == document
    lines = lines_of(text)
    split = text.split("\n")
    for table, values in document.items():
        for name in values:
            statement = "\n".join(split[lines[table, name] - 1 :])
            assert statement.lstrip().startswith((name, '"', "'"))
    assert {path for path in lines if len(path) == 2} == {(t, n) for t, values in document.items() for n in values}
