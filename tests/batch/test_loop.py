"""A loop of one's own, gone when the work is done."""

from __future__ import annotations

import asyncio

import pytest

from moongate.batch.loop import run


def test_work_runs_to_its_end_and_its_errors_come_out() -> None:
    async def loop() -> asyncio.AbstractEventLoop:
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    first, second = run(loop()), run(loop())
    assert first is not second and first.is_closed()

    async def failing() -> None:
        raise ValueError("so it is")

    with pytest.raises(ValueError, match="so it is"):
        run(failing())
