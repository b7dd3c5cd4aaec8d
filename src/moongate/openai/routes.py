"""Which routes of an endpoint take a body, and where in it a model is named.

A route that is not here is not sent to with anything but GET: nobody could say what its body means. Values only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from moongate.facts.providers import Dialect, Provider

Body = Literal["json", "form", "upload", "none"]
"""Where the model is: top level of a JSON object; a form's field; each line of a batch file; nowhere."""

_ID = r"[A-Za-z0-9._-]+"
_FILES: Mapping[str, Body] = {"POST /files": "upload", f"DELETE /files/{_ID}": "none"}
_BATCHES: Mapping[str, Body] = {"POST /batches": "none", f"POST /batches/{_ID}/cancel": "none"}
_RESPONSES: Mapping[str, Body] = {
    "POST /responses": "json",
    "POST /responses/input_tokens": "json",
    "POST /responses/compact": "json",
    f"POST /responses/{_ID}/cancel": "none",
    f"DELETE /responses/{_ID}": "none",
}
_ROUTES: Mapping[Dialect, Mapping[str, Body]] = {
    # The vendor's OpenAPI document of 2026-08-17 and its later revisions, which add /responses and /tools.
    "moonshot": {
        "POST /chat/completions": "json",
        "POST /tokenizers/estimate-token-count": "json",
        "POST /responses": "json",
        "POST /tools/(?:search|search_pro|fetch)": "none",
        **_FILES,
        **_BATCHES,
    },
    # openrouter.ai's SDK 1.3.84 (2026-10-01). Its /batches carries whole requests in one body: left out.
    "openrouter": {
        "POST /(?:chat/completions|completions|embeddings|responses)": "json",
        **_FILES,
    },
    # docs.aimlapi.com, 2026-08-21
    "aimlapi": {
        "POST /(?:chat/completions|completions|embeddings|responses)": "json",
        "POST /images/generations": "json",
    },
    # The OpenAI API as vLLM, llama.cpp and others serve it.
    "openai": {
        "POST /(?:chat/completions|completions|embeddings|moderations)": "json",
        "POST /chat/completions/input_tokens": "json",
        "POST /images/generations": "json",
        "POST /audio/speech": "json",
        "POST /(?:audio/transcriptions|audio/translations|images/edits|images/variations)": "form",
        **_RESPONSES,
        **_FILES,
        **_BATCHES,
    },
}


def body_at(row: Provider, method: str, path: str) -> Body | None:
    """Return where the body at a route names its model; None for a route that is not known.

    `path` is what stands after the base url, as it is sent.
    """
    wanted = f"{method} {path}"
    table = _ROUTES[row.dialect]
    if wanted in table:
        return table[wanted]
    return next((body for route, body in table.items() if re.fullmatch(route, wanted)), None)
