"""Where public observations of Moonshot contradict each other: one switch each, so that tests can take both sides.

A default is what was observed live most recently. A switch says nothing about which side is true today.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Face = Literal["absent", "k3", "any"]


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Which of the contradicting observations the fake follows."""

    # `required` and a named function on k2.x: refused only while thinking is on (live), or always (documentation)
    tool_choice_required: Literal["thinking_only", "never"] = "thinking_only"
    k3_tool_choice: Literal["accept", "reject"] = "accept"  # documentation, or a live refusal (2026-09-01)
    k3_thinking_off: Literal["accept", "reject"] = "accept"  # live 2026-07-30 and 09-01, or "only" in the list
    k2_temperature: Literal["fixed", "free"] = "fixed"  # refusals (live), or 0 to 2 as catalogs have it
    max_tokens: Literal["honoured", "ignored"] = "honoured"  # live; one reseller says that only the newer name counts
    tool_call_id_style: Literal["_", ":"] = "_"  # get_weather_0 (live) or get_weather:0 (documentation)
    usage_in_stream: Literal["both", "choice", "top"] = "both"  # where usage goes with include_usage
    usage_null: bool = False  # the specification's `usage: null` on ordinary chunks; live chunks omit the key
    cached_tokens: Literal["both", "top"] = "both"  # live, or the specification
    cache: Literal["units", "whole", "off"] = "units"  # 256-token prefixes (documentation), whole requests (live)
    cache_life_s: int = 300  # 5 to 30 minutes measured at Kimi Code; the documentation names no time
    limit_headers: bool = False  # X-RateLimit headers on chats: promised by the help centre, seen in no capture
    response_id: Literal["chatcmpl", "cmpl"] = "chatcmpl"  # live, or documentation
    mfjs: Literal["reject", "warn_header", "accept"] = "reject"  # what a flawed tool schema gets
    mfjs_sizes: Literal["code", "documented"] = "code"  # how large a schema may be: the validator's code, or its page
    function_name_max: int = 128  # 64, 256 and 128 in successive revisions
    # the type of error without a key, as two measurements have it
    no_key: Literal["incorrect_api_key_error", "invalid_authentication_error"] = "incorrect_api_key_error"
    # the same with a wrong key
    wrong_key: Literal["invalid_authentication_error", "incorrect_api_key_error"] = "invalid_authentication_error"
    no_money: Literal[429, 403] = 429  # live, or the help centre
    limit_scope: Literal["organization", "user", "user+model"] = "organization"  # whose limit a 429 names
    logprobs: Literal["reject", "accept"] = "reject"  # live on k3, or the specification
    retry_after: Literal["one", "window"] = "one"  # measured: always 1; or the seconds that are really left
    tier0: Literal["3/1", "20/3"] = "3/1"  # RPM/concurrency of the lowest tier
    estimate_wrapped: bool = False  # older documentation wraps the estimate as the balance is wrapped
    purposes: Literal["four", "six", "extract"] = "four"  # accepted file purposes in successive pages
    images_extracted: bool = True  # read by OCR under file-extract, or not supported: two pages of the documentation
    batch_error_line: Literal["response", "error"] = "response"  # no sample of such a line is known
    batch_models: Literal["prices", "guide"] = "prices"  # k2.7-code too, or k2.5 and k2.6 alone
    batch_order: Literal["input", "reversed"] = "input"  # the order of output lines is not documented
    responses: Face = "absent"  # POST /v1/responses: 404 on 2026-07-27; later for k3 (schema) or k2.6 too (live)
    messages: Face = "absent"  # POST /anthropic/v1/messages: for k3 (schema) or k2.6 too (live)
    aimlapi_unknown_model: Literal[404, 400] = 404  # no capture of that answer is known
    hidden_preamble_tokens: int = 0  # K3 was seen to bill about 80 tokens that the caller did not send
