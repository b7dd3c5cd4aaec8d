"""Lists in a folder: written as they came, read in their provider's own shape, broken ones told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moongate.catalog import saved
from moongate.errors import ConfigError, NotJsonError, StorageError, UsageError
from moongate.facts.models import Listing
from moongate.facts.providers import built_in, custom
from moongate.wire.listing import listing_from

BODY = json.dumps({"object": "list", "data": [{"id": "kimi-k2.6"}]}).encode()


def _listing(provider: str = "moonshot", body: bytes = BODY) -> Listing:
    row = built_in().get(provider) or custom(provider, base_url="https://box.example/v1")
    return listing_from(body, row, fetched_at=1_800_000_000.0)


def test_what_is_written_is_read_with_its_date(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    path = saved.write(tmp_path / "lists", _listing())
    assert path.read_bytes() == BODY
    assert [left.name for left in path.parent.iterdir()] == ["moonshot.json"]
    found = saved.read(path.parent, built_in())
    assert found.listings["moonshot"].ids == ("kimi-k2.6",)
    assert found.listings["moonshot"].fetched_at == 1_800_000_000.0


def test_each_in_its_own_shape_and_the_broken_apart(tmp_path: Path) -> None:
    (tmp_path / "openrouter.json").write_text('{"data": [{"id": "moonshotai/kimi-k2.6"}]}')
    (tmp_path / "box.json").write_text('[{"id": "kimi"}]')
    (tmp_path / "aimlapi.json").write_text('{"object": "list", "da')
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("")
    rows = {**built_in(), "box": custom("box", base_url="https://box.example/v1")}
    found = saved.read(tmp_path, rows)
    assert {name: listing.ids for name, listing in found.listings.items()} == {
        "openrouter": ("moonshotai/kimi-k2.6",),
        "box": ("kimi",),
    }
    assert isinstance(found.broken["aimlapi"], NotJsonError) and found.unknown == ("package",)


def test_a_folder_in_the_place_of_a_list_is_broken(tmp_path: Path) -> None:
    (tmp_path / "moonshot.json").mkdir()
    assert isinstance(saved.read(tmp_path, built_in()).broken["moonshot"], ConfigError)


def test_no_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        saved.read(tmp_path / "absent", built_in())


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        saved.write(tmp_path / "file" / "lists", _listing())
    (tmp_path / "moonshot.json").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        saved.write(tmp_path, _listing())
    with pytest.raises(ConfigError, match="cannot be a file's"):
        saved.write(tmp_path, _listing("../box"))
