"""Whether an answer fits the schema that was meant. Uses the jsonschema library, an optional extra of moongate."""

from __future__ import annotations

import re
from typing import Any

from moongate.errors import MissingExtraError, UsageError
from moongate.wire.schema.refs import looping
from moongate.wire.schema.source import schema_of

MOST = 20  # objections that are told


def accepts(schema: object, instance: object) -> tuple[str, ...]:
    """Return what is wrong with `instance`, place by place; nothing when it fits.

    `schema` is the ORIGINAL schema (or pydantic model class), not the mended one; its `$schema` chooses the draft,
    2020-12 without one. References are followed within the schema only. At most 20 objections are told.

    Raises MissingExtraError without jsonschema, UsageError when the schema itself is none.
    """
    validator, faults = _validator(schema_of(schema))
    try:
        found = [f"At {_place(error.absolute_path)}: {error.message}" for error in validator.iter_errors(instance)]
    except faults as error:
        raise UsageError(f"The schema cannot be followed: {error}.", advice="Check its references.") from error
    return tuple(found[:MOST])


def _validator(schema: object) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import jsonschema
        import referencing
        import referencing.exceptions
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Checking an answer against its schema needs the jsonschema library.",
            advice="Install it: pip install 'moongate[schema]'.",
        ) from error
    if not isinstance(schema, dict):
        raise UsageError(f"A JSON schema is an object, not {schema!r}.")
    if (reference := looping(schema)) is not None:
        raise UsageError(
            f"The schema's reference {reference!r} leads back to itself.", advice="Take one of them out."
        )
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise UsageError(f"The schema is no JSON schema: {error.message}.") from error
    return kind(schema, registry=referencing.Registry()), (
        referencing.exceptions.Unresolvable,
        RecursionError,
        re.error,
    )


def _place(path: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return place.lstrip(".") or "root"
