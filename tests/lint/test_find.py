"""The ids that code uses, with the endpoint that each is meant for."""

from __future__ import annotations

from pathlib import Path

from moongate.lint.find import Use, uses_in


def test_uses_name_their_endpoint_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'c = OpenAI(base_url="https://openrouter.ai/api/v1")\n'
        'c.chat.completions.create(model="moonshotai/kimi-k2.6")\n'
        'c.chat.completions.create(model="moonshotai/kimi-k3")\n'
    )
    (tmp_path / "b.yaml").write_text("model: kimi-k2.6\n")
    (tmp_path / "own.env").write_text("OPENAI_BASE_URL=http://localhost:4000\nOPENAI_MODEL=kimi-k2.6\n")
    path = str(tmp_path)
    assert list(uses_in([path])) == [
        Use(provider="openrouter", id="moonshotai/kimi-k2.6", path=f"{path}/a.py", line=2),
        Use(provider="openrouter", id="moonshotai/kimi-k3", path=f"{path}/a.py", line=3),
        Use(provider=None, id="kimi-k2.6", path=f"{path}/b.yaml", line=1),
    ]
