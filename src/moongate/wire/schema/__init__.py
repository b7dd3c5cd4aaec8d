"""Moonshot-flavoured JSON schema (MFJS): `check` a schema, `mend` it, and hold an answer up to what was asked for.

Moonshot takes a part of JSON Schema for tool parameters and answer formats, with rules of its own. `check` says what
its validator would say, `mend` rewrites what pydantic and others produce, `accepts` validates an answer against the
schema that was meant. Nothing here sends anything, and nothing follows a reference to another document.

Sources: the vendor's validator and its specification (github.com/MoonshotAI/walle, 2026-06-29), answers published by
users until 2026-09. Where they contradict each other a flaw is "uncertain".
"""

from __future__ import annotations

from moongate.wire.schema.check import Flaw, check
from moongate.wire.schema.instance import accepts
from moongate.wire.schema.mend import Loosened, Mended, mend
from moongate.wire.schema.source import Source, schema_of

__all__ = ["Flaw", "Loosened", "Mended", "Source", "accepts", "check", "mend", "schema_of"]
