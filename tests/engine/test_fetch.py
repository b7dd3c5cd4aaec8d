import errno

import pytest

from moongate.engine.fetch import _progress_bar, explain, redact
from moongate.errors import StorageError


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Looking in indexes: https://me:pw@host.test/simple", "Looking in indexes: https://host.test/…"),
        ("https://host.test:8080/TOKEN/simple/x/ gone", "https://host.test:8080/… gone"),
        ("https://a:p/w@host.test/simple?token=1", "https://host.test/…"),
        (
            "Max retries exceeded with url: /TOKEN/simple/x/ (Caused by",
            "Max retries exceeded with url: /… (Caused by",
        ),
        ("Saved ./x.whl", "Saved ./x.whl"),
    ],
)
def test_addresses_are_cut_down_to_their_host(text: str, safe: str) -> None:
    assert redact(text) == safe


def test_an_index_that_does_not_answer_is_told_from_one_that_lacks_the_file() -> None:
    lost = "ERROR: No matching distribution found for x==1"
    retry = "WARNING: Retrying after connection broken by 'NewConnectionError()': /TOKEN/simple/x/"
    assert "could not be reached" in str(explain("x==1", 1, [retry, lost]))
    assert "could not be reached" not in str(explain("x==1", 1, [lost]))
    assert "TOKEN" not in str(explain("x==1", 1, [retry]))
    assert "moongate local pull --gguf PATH" in explain("x==1", 1, [lost]).advice


def test_a_full_disk_is_a_matter_of_storage() -> None:
    error = explain("x==1", 1, [f"OSError: [Errno {errno.ENOSPC}] No space left on device"])
    assert isinstance(error, StorageError)


@pytest.mark.parametrize(
    ("pip", "kind"), [("23.2.1", "off"), ("24.0", "off"), ("24.1b1", "raw"), ("24.1", "raw"), ("26.2", "raw")]
)
def test_a_pip_that_cannot_say_how_far_it_is_is_not_asked(pip: str, kind: str) -> None:
    assert _progress_bar(pip) == kind


def test_a_silent_failure_names_its_code() -> None:
    assert "ended with -9" in str(explain("x==1", -9, []))
