"""moongate's errors as the SDK's."""

from __future__ import annotations

import pickle

import openai
import pytest

from moongate import errors
from moongate.openai.refusals import sdk_error, twin


def test_nothing_is_lost() -> None:
    error = errors.ModelRefusedError(
        "no", reason="typo", belongs_to=("openrouter",), advice="Do this.", suggestions=("kimi-k2.6",)
    )
    made = sdk_error(error)
    assert isinstance(made, errors.ModelRefusedError)
    assert isinstance(made, openai.OpenAIError)
    assert vars(made) == vars(error)
    assert str(made) == "no Do this."
    assert (made.kind, made.exit_code) == ("model_refused", 1)


def test_an_error_of_the_sdk_stays_itself() -> None:
    made = sdk_error(errors.UsageError("no"))
    assert sdk_error(made) is made
    assert type(made) is twin(errors.UsageError)


@pytest.mark.parametrize("kind", [errors.ModelRefusedError, errors.RateLimitedError, errors.BrokenStreamError])
def test_they_travel_between_processes(kind: type[errors.MoongateError]) -> None:
    made = sdk_error(kind("no", advice="Wait."))
    back = pickle.loads(pickle.dumps(made))  # noqa: S301 - what was dumped on the line itself
    assert type(back) is type(made)
    assert vars(back) == vars(made)
