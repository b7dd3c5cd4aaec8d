"""The gateway's desk, opened for a command: where its accounts and keys are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moongate.cli.options import Asked
    from moongate.gateway.desk import Desk


@contextmanager
def opened(asked: Asked) -> Iterator[Desk]:
    """Yield the desk in the data folder that the settings name."""
    from moongate.gateway.desk import FILE_NAME, Desk
    from moongate.settings.load import load_folders

    with Desk(load_folders(asked.settings_flags()).data_dir / FILE_NAME) as desk:
        yield desk
