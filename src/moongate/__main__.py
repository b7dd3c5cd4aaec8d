"""The `moongate` command. `--version` and the plain `--help` answer without loading what commands need."""

from __future__ import annotations

import os
import sys

HELP = os.path.join(os.path.dirname(__file__), "cli", "help.txt")  # noqa: PTH118, PTH120 — pathlib costs 10 ms here
WIDE_ENOUGH = 80


def main() -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from moongate import __version__

        return _shown(f"moongate {__version__}\n")
    if arguments in (["--help"], ["-h"]) and _is_wide():
        with open(HELP, encoding="utf-8") as page:  # noqa: PTH123 — as above; a test holds it equal to click's page
            return _shown(page.read())
    from moongate.cli.main import run

    return run(arguments)


def _shown(text: str) -> int:
    """Write to stdout; a stdout that takes nothing ends without a traceback."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, AttributeError) as error:  # full, gone, or closed
        from moongate.cli.show import give_up

        if sys.stdout is not None:
            give_up(sys.stdout)
        return 0 if isinstance(error, BrokenPipeError) else 2
    return 0


def _is_wide() -> bool:
    """Say whether the page, which is made for 80 columns, fits; otherwise click folds it anew."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns >= WIDE_ENOUGH
    except (OSError, ValueError, AttributeError):
        return True  # no terminal


if __name__ == "__main__":
    sys.exit(main())
