"""The `moongate` command. `--version` and the plain `--help` answer without loading what commands need."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from moongate import __version__

        sys.stdout.write(f"moongate {__version__}\n")
        return 0
    from moongate.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
