from __future__ import annotations

import json

import pytest

from moongate.testing import Answer, ToolCall

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def test_an_image_comes_before_the_prompt(moongate, server, tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    assert moongate("chat", "What is it?", "--image", str(tmp_path / "a.png")).code == 0
    image, text = server.requests[-1].json()["messages"][0]["content"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    assert text == {"type": "text", "text": "What is it?"}


def test_a_documents_text_comes_first(moongate, server, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk.")
    assert moongate("chat", "What to do?", "--file", str(tmp_path / "notes.txt")).code == 0
    system, user = server.requests[-1].json()["messages"]
    assert system["role"] == "system"
    assert "Buy milk." in system["content"]
    assert user["content"] == "What to do?"


@pytest.mark.parametrize(("text", "code"), [('{"colour": "blue"}', 0), ('{"colour": 5}', 1), ("blue", 1)])
def test_an_answer_is_held_against_its_schema(moongate, server, tmp_path, text, code) -> None:
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    server.replies = [Answer(text)]
    assert moongate("chat", "Which colour?", "--schema", str(tmp_path / "schema.json")).code == code


def test_functions_of_a_file_are_called(moongate, server, tmp_path) -> None:
    (tmp_path / "tools.py").write_text("def double(n: int) -> int:\n    '''Twice n.'''\n    return _twice(n)\n"
                                       "def _twice(n):\n    return 2 * n\n")  # fmt: skip
    server.replies = [Answer("", tool_calls=[ToolCall(name="double", arguments={"n": 21})]), Answer("42")]
    assert moongate("chat", "Double 21.", "--tools", str(tmp_path / "tools.py")).out == "42\n"
    assert [tool["function"]["name"] for tool in server.requests[-1].json()["tools"]] == ["double"]
    assert server.requests[-1].json()["messages"][-1]["content"] == "42"


@pytest.mark.parametrize(
    ("flag", "content"),
    [("--schema", None), ("--schema", "no json"), ("--schema", "[]"), ("--tools", None), ("--tools", "1/0"),
     ("--tools", "x = 1"), ("--image", None), ("--image", "no picture"), ("--file", None)],
)  # fmt: skip
def test_files_that_cannot_be_used(moongate, server, tmp_path, flag, content) -> None:
    path = tmp_path / "given.py"
    if content is not None:
        path.write_text(content)
    ran = moongate("chat", "hi", flag, str(path))
    assert (ran.code, ran.out) == (2, "")
    assert "given.py" in ran.err


@pytest.mark.parametrize("flag", ["--image", "--schema", "--tools"])
def test_a_conversation_takes_no_flags_that_it_would_drop(moongate, server, monkeypatch, flag) -> None:
    monkeypatch.setattr("moongate.cli.inputs.with_stdin", lambda prompt: prompt)
    assert moongate("chat", flag, "x").code == 2


def test_what_answers_in_one_piece_does_not_stream(moongate, server) -> None:
    assert moongate("chat", "hi", "--schema", "x.json", "--stream").code == 2
