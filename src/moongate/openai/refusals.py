"""moongate's errors as the SDK's: each class has a twin that is an `openai.OpenAIError` too.

The SDK tries again and wraps whatever is no OpenAIError (2.54 and 3.54), so nothing else may be raised inside it.
"""

from __future__ import annotations

import functools
from typing import Any

import openai

from moongate.errors import MoongateError


def sdk_error(error: MoongateError) -> MoongateError:
    """Return the same error as a class that is both what it was and an `openai.OpenAIError`."""
    if isinstance(error, openai.OpenAIError):
        return error
    return _restored(type(error), error.args, vars(error))


@functools.cache
def twin(kind: type[MoongateError]) -> type[MoongateError]:
    """Return the class that is `kind` and an `openai.OpenAIError`, under the same name."""
    body = {"__doc__": kind.__doc__, "__module__": __name__, "__reduce__": _reduce}
    return type(kind.__name__, (kind, openai.OpenAIError), body)


def _reduce(error: MoongateError) -> tuple[Any, ...]:
    """Pickle by what it was: the twin has no name that could be imported."""
    return _restored, (type(error).__mro__[1], error.args, vars(error))


def _restored(kind: type[MoongateError], args: tuple[Any, ...], state: dict[str, Any]) -> MoongateError:
    made = twin(kind)(*args)  # type: ignore[arg-type]  # a class is hashable
    vars(made).update(state)
    return made
