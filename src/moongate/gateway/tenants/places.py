"""Where files and batches of accounts lie on the disk."""

from __future__ import annotations

from pathlib import Path

FOLDER, CONTENT, JOBS, PART = "tenants", "content", "jobs", ".part"


class Places:
    """The layout below the data folder. Ids are our own: none of them was given by a caller."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER
        self.database = self.folder / "tenants.sqlite3"
        self.content = self.folder / CONTENT
        self.jobs = self.folder / JOBS

    def path(self, id_: str) -> Path:
        """Return where the content of a file lies."""
        return self.content / id_

    def part(self, id_: str) -> Path:
        """Return where it is written until it is whole."""
        return self.content / (id_ + PART)

    def job(self, id_: str) -> Path:
        """Return the folder in which a batch is worked on."""
        return self.jobs / id_
