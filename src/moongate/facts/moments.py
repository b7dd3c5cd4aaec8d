"""Moments as people and records write them. Reading the clock is the caller's."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Return a moment, in seconds since the epoch, as RFC 3339 in UTC, e.g. 2026-11-23T21:40:00Z."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
