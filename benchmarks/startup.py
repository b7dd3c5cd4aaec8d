"""How long moongate takes to start, as ratios against floors measured in the same run.

Bounds: `moongate --version` and `--help` under 8 × `python -c pass`; `moongate models` against a server on loopback
under 2.5 × `python -c "import httpx2, click"`. Exit code 1 when one is passed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from paired import ratio

from moongate.settings.load import scrubbed
from moongate.testing import MoonshotServer

PASS = [sys.executable, "-c", "pass"]
IMPORTS = [sys.executable, "-c", "import httpx2, click"]


def main() -> int:
    """Print the table and return the exit code."""
    command = shutil.which("moongate", path=str(Path(sys.executable).parent)) or "moongate"
    with tempfile.TemporaryDirectory() as folder, MoonshotServer() as server:
        env = {name: value for name, value in scrubbed().items() if name != "PYTHONDONTWRITEBYTECODE"} | {
            "HOME": folder,
            "MOONGATE_CACHE_DIR": os.path.join(folder, "cache"),  # noqa: PTH118
            "MOONSHOT_BASE_URL": server.base_url,
            "MOONSHOT_API_KEY": server.key,
        }
        rows = [
            ("moongate --version", [command, "--version"], PASS, 8.0),
            ("moongate --help", [command, "--help"], PASS, 8.0),
            ("import moongate", [sys.executable, "-c", "import moongate"], PASS, 8.0),
            ("moongate models (list kept on disk)", [command, "models"], IMPORTS, 2.5),
            ("moongate models (list fetched)", [command, "models", "--base-url", server.base_url], IMPORTS, 2.5),
        ]
        passed = True
        print(f"{'command':<38} {'ms':>7} {'floor ms':>9} {'ratio':>6} {'bound':>6}")
        for name, timed, floor, bound in rows:
            if "fetched" in name:
                timed = _forgetful(command, Path(folder))
            took, least, times = ratio(timed, floor, env=env)
            print(f"{name:<38} {took * 1e3:7.1f} {least * 1e3:9.1f} {times:6.2f} {bound:6.1f}")
            passed &= times < bound
    return 0 if passed else 1


def _forgetful(command: str, folder: Path) -> list[str]:
    """Return a command that lists with an empty cache, so that the list is fetched each time."""
    return ["sh", "-c", f'rm -rf "{folder}/cache"; exec "{command}" models']


if __name__ == "__main__":
    sys.exit(main())
