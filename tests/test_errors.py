"""The tree of errors: each knows its exit code, its kind is its own, and its docstring is its message."""

from __future__ import annotations

import pytest

from moongate import errors


def _tree(kind: type[errors.MoongateError]) -> list[type[errors.MoongateError]]:
    return [kind, *(deeper for below in kind.__subclasses__() for deeper in _tree(below))]


EVERY = [e for e in dict.fromkeys(_tree(errors.MoongateError)) if e.__module__ == "moongate.errors"]


@pytest.mark.parametrize("error", EVERY)
def test_the_drawn_tree_says_the_exit_code(error: type[errors.MoongateError]) -> None:
    lines = [line for line in (errors.__doc__ or "").splitlines() if f" {error.__name__} " in f"{line} "]
    assert error is errors.MoongateError or int(lines[0].split(error.__name__)[1].split()[0]) == error.exit_code


@pytest.mark.parametrize("error", EVERY)
def test_an_error_without_words_says_its_docstring(error: type[errors.MoongateError]) -> None:
    assert str(error()) == (error.__doc__ or "").splitlines()[0]
    assert error().advice == "" and error().suggestions == ()


def test_kinds_are_distinct() -> None:
    assert len({error.kind for error in EVERY}) == len(EVERY)


def test_message_and_advice_make_the_text() -> None:
    error = errors.RateLimitedError("Too much.", advice="Wait.", retry_after_s=2.0, scope="rpm", status=429)
    assert (str(error), error.retry_after_s, error.scope, error.status) == ("Too much. Wait.", 2.0, "rpm", 429)
    refused = errors.ModelRefusedError("No.", reason="case", belongs_to=("X",), suggestions=("a",))
    assert (refused.reason, refused.belongs_to, refused.suggestions) == ("case", ("X",), ("a",))
