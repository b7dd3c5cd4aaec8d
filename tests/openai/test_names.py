"""Which models a request names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai._models import FinalRequestOptions

from moongate.errors import RequestRefusedError
from moongate.openai.names import in_body, named, renamed


def options(json_data: Any = None, extra_json: Any = None) -> FinalRequestOptions:
    return FinalRequestOptions.construct(method="post", url="/x", json_data=json_data, extra_json=extra_json)


@pytest.mark.parametrize(
    ("said", "extra", "names"),
    [
        ({"model": "a"}, None, ("a",)),
        ({"model": "a"}, {"model": "b"}, ("b",)),
        ({"model": "a"}, {"models": ["b", "c"]}, ("a", "b", "c")),
        ({"model": 7, "models": "b"}, None, ("b",)),
        (b'{"model": "a"}', None, ()),
        (None, None, ()),
    ],
)
def test_the_extra_body_overrides(said: Any, extra: Any, names: tuple[str, ...]) -> None:
    assert named(options(said, extra)) == names


def test_names_are_replaced_where_they_count() -> None:
    said, extra = {"model": "p/a", "n": 1}, {"models": ["p/a", "b"]}
    done = renamed(options(said, extra), {"p/a": "a", "b": "b"})
    assert (done.json_data, done.extra_json) == ({"model": "a", "n": 1}, {"models": ["a", "b"]})
    assert said["model"] == "p/a"
    assert extra["models"] == ["p/a", "b"]


def test_each_line_of_a_batch_counts() -> None:
    lines = b"\n".join(json.dumps({"body": {"model": m, "messages": []}}).encode() for m in ("a", "b", "a"))
    body = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    body += b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + lines + b"\r\n--b--\r\n"
    assert in_body("upload", "multipart/form-data; boundary=b", body) == ("a", "b")
    assert in_body("upload", "multipart/form-data; boundary=b", body.replace(b"batch", b"image")) == ()


def test_a_form_names_its_model() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n--b--\r\n'
    assert in_body("form", "multipart/form-data; boundary=b", body) == ("whisper",)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "Application/JSON"])
def test_json_by_any_spelling_is_json(kind: str) -> None:
    assert in_body("json", kind, b'{"model": "a"}') == ("a",)


@pytest.mark.parametrize("kind", ["", "text/json", "application/json; charset=utf-7", "application/json, a/b"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(RequestRefusedError):
        in_body("json", kind, b'{"model": "a"}')
