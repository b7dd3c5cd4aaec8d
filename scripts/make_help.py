"""Write the page that `moongate --help` shows, so that it can be shown without loading click.

`make docs` runs this; a test fails when the page is out of date.
"""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from moongate.cli.main import root

PAGE = Path(__file__).parent.parent / "src" / "moongate" / "cli" / "help.txt"


def page() -> str:
    """Return the page as click renders it at 80 columns."""
    return CliRunner().invoke(root, ["--help"], prog_name="moongate", terminal_width=80).output


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
