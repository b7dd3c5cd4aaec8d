"""The real weights, fetched once per machine, and one running server for the tests that only ask it things."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from moongate.engine.server import EmbeddedServer, start
from moongate.engine.weights import SMOLLM2, LocalModel, pull


@pytest.fixture(scope="session")
def local_model() -> LocalModel:
    """Return the built-in model; MOONGATE_TEST_CACHE names a folder for the weights other than the user's cache."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed (pip install 'moongate[local]'): no embedded model to test")
    named = os.environ.get("MOONGATE_TEST_CACHE")
    *_, last = pull(Path(named) if named else platformdirs.user_cache_path("moongate"))
    assert last.path is not None
    return LocalModel(path=last.path, model_id=SMOLLM2.model_id, origin="built-in")


@pytest.fixture(scope="session")
def embedded(local_model: LocalModel) -> Iterator[EmbeddedServer]:
    with start(local_model) as server:
        yield server
