"""The ids that a project's code uses, each with the endpoint it is meant for: what `lock --from-code` pins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from moongate.errors import UsageError
from moongate.lint.knowledge import Knowledge
from moongate.lint.run import sheet_of
from moongate.lint.walk import files


@dataclass(frozen=True, kw_only=True)
class Use:
    """An id in code. `provider` is None where nothing tells whose endpoint is meant."""

    provider: str | None
    id: str
    path: str
    line: int  # from 1


def uses_in(
    paths: Iterable[str], knowledge: Knowledge | None = None, *, exclude: tuple[str, ...] = ()
) -> Iterator[Use]:
    """Yield the ids used in files and below folders, right or wrong, once for each endpoint and line.

    Ids for hosts that nobody knows, such as a gateway of the project's own, are left out. Raises UsageError for a
    path that is not there; files that cannot be read are passed over.
    """
    seen: set[Use] = set()
    for path in files(paths, exclude=exclude):
        for use in _uses(path, knowledge or Knowledge()):
            if use not in seen:
                seen.add(use)
                yield use


def _uses(path: str, knowledge: Knowledge) -> Iterator[Use]:
    try:
        sheet = sheet_of(path, knowledge)
    except (OSError, UsageError):
        return
    for use in sheet.uses if sheet is not None else ():
        if use.bound is not None and not use.bound.endpoint.is_known:
            continue
        if use.bound is None and not use.is_model:
            continue
        provider = use.bound.endpoint.name if use.bound is not None else None
        line = sheet.data.count(b"\n", 0, use.node.start) + 1 if sheet is not None else 1
        yield Use(provider=provider, id=use.id, path=path, line=line)
