"""An answer held up to the schema that was meant."""

from __future__ import annotations

import subprocess
import sys

import pydantic
import pytest

from moongate.errors import UsageError
from moongate.wire.schema import accepts, mend

ORIGINAL = {"type": "object", "properties": {"day": {"type": "string", "pattern": "^[0-9]{4}$"}}, "required": ["day"]}


def test_what_mending_lets_through_is_caught() -> None:
    assert "pattern" not in str(mend(ORIGINAL).schema)
    assert accepts(ORIGINAL, {"day": "2026"}) == ()
    assert accepts(ORIGINAL, {"day": "x"}) == ("At day: 'x' does not match '^[0-9]{4}$'",)
    assert accepts(ORIGINAL, []) == ("At root: [] is not of type 'object'",)


def test_a_pydantic_class() -> None:
    class Point(pydantic.BaseModel):
        xs: list[int]

    assert accepts(Point, {"xs": [1]}) == ()
    assert accepts(Point, {"xs": [1, "a"]}) == ("At xs[1]: 'a' is not of type 'integer'",)


@pytest.mark.parametrize(
    "schema",
    [{"type": 5}, [], {"$ref": "http://127.0.0.1:9/x"}, {"$ref": "#"}, {"not": {"$ref": "#"}}, {"pattern": "("}],
)
def test_a_schema_that_is_none(schema: object) -> None:
    with pytest.raises(UsageError):
        accepts(schema, "x")


def test_without_the_library_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['jsonschema'] = None\n"
        "from moongate.errors import MissingExtraError\n"
        "from moongate.wire.schema import accepts, check, mend\n"
        "mend({'type': 'string', 'format': 'date'}), check({})\n"
        "assert 'pydantic' not in sys.modules\n"
        "try: accepts({}, 1)\n"
        "except MissingExtraError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'moongate[schema]'" in ran.stdout
