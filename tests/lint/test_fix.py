"""Fixes: only their spans change, what was fixable is gone afterwards, and a file keeps its mode."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.errors import StorageError
from moongate.lint.finding import Edit
from moongate.lint.fix import edits_of, mended, write
from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.run import lint_bytes

IDS = st.sampled_from(
    ["kimi-k2.6", "Kimi-K2.6", "moonshotai/kimi-k2.6", "moonshot/kimi-k2-6", "kimi-k2-0711-preview", "gpt-4o"]
)
URLS = st.sampled_from(
    ["https://api.moonshot.ai/v1", "https://api.moonshot.ai", "http://api.moonshot.cn/v1", "https://openrouter.ai/v1",
     "https://openrouter.ai/api/v1", "https://api.aimlapi.com/v1", "http://localhost:4000"]
)  # fmt: skip
NOISE = st.text(alphabet=st.sampled_from("aé \t\"'#{}\n=:,€"), max_size=12)
SHAPES = st.sampled_from(
    [
        ("a.py", '{noise}\nc = OpenAI(base_url="{url}")\nc.create(model="{id}")  # {noise}\n'),
        ("a.ts", 'const c = new OpenAI({{ baseURL: "{url}" }});\r\nc.create({{ model: "{id}" }});\r\n'),
        ("a.json", '{{"base_url": "{url}", "model": "{id}", "n": "é"}}'),
        ("a.yaml", "x: é\nbase_url: {url}\nmodel: {id}  # {id}\n"),
        (".env", "OPENAI_BASE_URL={url}\nOPENAI_MODEL='{id}'\n"),
        ("a.sh", 'curl "{url}/chat/completions" -d \'{{"model": "{id}"}}\'\n'),
        ("a.go", 'c := New(WithBaseURL("{url}"))\nc.Ask(Request{{Model: "{id}"}})\n'),
    ]
)


@given(SHAPES, URLS, IDS, NOISE)
def test_what_is_fixable_is_gone_after_fixing_and_nothing_else_changed(
    shape: tuple[str, str], url: str, model: str, noise: str
) -> None:
    name, template = shape
    data = template.format(url=url, id=model, noise=noise).encode()
    for _ in range(3):  # a mended address may show what its id should be
        edits = edits_of(lint_bytes(name, data, Knowledge(), Options()).findings)
        if not edits:
            break
        after = mended(data, edits)
        _same_outside(data, after, edits)
        data = after
    assert not edits_of(lint_bytes(name, data, Knowledge(), Options()).findings)


def _same_outside(before: bytes, after: bytes, edits: list[Edit]) -> None:
    shift, at = 0, 0
    for edit in edits:
        assert before[at : edit.start] == after[at + shift : edit.start + shift]
        shift += len(edit.text.encode()) - (edit.end - edit.start)
        at = edit.end
    assert before[at:] == after[at + shift :]


def test_a_file_keeps_its_mode_and_somebodys_change_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.sh"
    path.write_bytes(b"one")
    path.chmod(0o750)
    write(str(path), b"one", b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o750
    with pytest.raises(StorageError, match="changed"):
        write(str(path), b"one", b"three")
    assert path.read_bytes() == b"two"
