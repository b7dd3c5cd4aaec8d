"""Write docs/rules/ from the docstrings of the linter's rules. `make docs` runs this; a test holds them equal."""

from __future__ import annotations

from pathlib import Path

from moongate.lint.pages import files

FOLDER = Path(__file__).parent.parent / "docs" / "rules"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for left in FOLDER.glob("*.md"):
        left.unlink()
    for name, content in files():
        (FOLDER / name).write_text(content, "utf-8")
