"""Run tests/openai against both majors of the OpenAI SDK, each in an environment that is thrown away afterwards.

    python scripts/interop.py                    the newest of major 2, then the newest of major 3
    python scripts/interop.py 'openai==2.50.0'   any other

The embedded model is installed there too, so that nothing skips. What the rest of the suite runs against is whatever
is installed. Exit code: that of pytest, the first that failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAJORS = ("openai>=2.50,<3", "openai>=3.50,<4")
TOOLS = ("pytest>=8.3", "hypothesis>=6.120", "setuptools>=77")


def main(releases: Sequence[str]) -> int:
    """Try every release, whatever the others do; return the first exit code that is not 0."""
    return next((code for code in [tried(release) for release in releases] if code), 0)


def tried(wanted: str) -> int:
    """Build the environment, run the tests in it, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="moongate-interop-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, wanted, *TOOLS, "--editable", f"{ROOT}[local]"], check=True)
        found = subprocess.run(
            [python, "-c", "import openai; print(openai.__version__)"], check=True, capture_output=True, text=True
        ).stdout.strip()
        print(f"openai {found} ({wanted})", flush=True)
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "openai")]
        return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or MAJORS))
