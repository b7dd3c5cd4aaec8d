"""Where a schema comes from: a mapping as it is, or a class that can tell its own, as pydantic's models can.

pydantic is never imported here: a class that has `model_json_schema` brought it along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Source: TypeAlias = "Mapping[str, Any] | type"


def schema_of(source: object) -> object:
    """Return the JSON schema of a pydantic model class; anything else is returned as it is."""
    tell = getattr(source, "model_json_schema", None)
    return tell() if isinstance(source, type) and callable(tell) else source
