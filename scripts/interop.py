"""Run tests/openai against another major of the OpenAI SDK, in an environment that is thrown away afterwards.

    python scripts/interop.py                    the newest of major 2
    python scripts/interop.py 'openai==2.50.0'   any other

What the rest of the suite runs against is whatever is installed. Exit code: that of pytest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("pytest>=8.3", "hypothesis>=6.120", "setuptools>=77")


def main(wanted: str) -> int:
    """Build the environment, run the tests in it, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="moongate-interop-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, wanted, *TOOLS, "--editable", str(ROOT)], check=True)
        found = subprocess.run(
            [python, "-c", "import openai; print(openai.__version__)"], check=True, capture_output=True, text=True
        ).stdout.strip()
        print(f"openai {found} ({wanted})", flush=True)
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "openai")]
        return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "openai>=2.50,<3"))
