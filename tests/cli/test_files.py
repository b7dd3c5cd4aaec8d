from __future__ import annotations

import json

import pytest


@pytest.fixture
def uploaded(moongate, server, tmp_path) -> str:
    path = tmp_path / 'no"tes\n.txt'
    path.write_text("What the notes say.")
    ran = moongate("files", "upload", str(path), "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["bytes"], ran.json["purpose"]) == (19, "file-extract")
    return str(ran.json["id"])


def test_the_whole_life_of_a_file(moongate, uploaded, tmp_path) -> None:
    assert [file["id"] for file in moongate("files", "list", "--json").json["files"]] == [uploaded]
    assert uploaded in moongate("files", "show", uploaded).out
    assert moongate("files", "get", uploaded, "-o", str(tmp_path / "out")).code == 0
    assert "What the notes say." in (tmp_path / "out").read_text()
    assert moongate("files", "delete", uploaded).code == 0
    gone = moongate("files", "show", uploaded)
    assert gone.code == 3


def test_an_empty_file_is_not_sent(moongate, server, tmp_path) -> None:
    (tmp_path / "empty").touch()
    assert moongate("files", "upload", str(tmp_path / "empty")).code == 2
    assert server.count("POST", "/v1/files") == 0


def test_a_file_too_large_is_not_sent(moongate, server, tmp_path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)
    assert (
        "does not take file = '104857601 bytes': 1 byte to 100 MB"
        in moongate("files", "upload", str(tmp_path / "large")).err
    )
    assert server.count("POST", "/v1/files") == 0


def test_a_batch_file_with_a_wrong_id_is_not_sent(moongate, server, tmp_path) -> None:
    def line(model: str) -> str:
        return json.dumps({"custom_id": model, "method": "POST", "body": {"model": model, "messages": []}}) + "\n"

    (tmp_path / "batch.jsonl").write_text(line("kimi-k2.6") + line("kimi-k2-6"))
    ran = moongate("files", "upload", str(tmp_path / "batch.jsonl"), "--purpose", "batch")
    assert ran.code == 1
    assert "Line 2 of 'batch.jsonl'" in ran.err
    assert server.count("POST", "/v1/files") == 0


def test_a_provider_without_files(moongate, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("KIMI_CODE_API_KEY", "sk-kimi-x")
    assert moongate("files", "list").code == 2
