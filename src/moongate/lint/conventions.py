"""How projects name things: keys that hold a model, an address or a key; frameworks' names for providers.

Rows and sets only; what is concluded from them is `lint.decide`'s.
"""

from __future__ import annotations

import functools
import re

from moongate.facts.hints import hints
from moongate.facts.providers import built_in

# Other names of the providers that moongate has rows for: frameworks' provider names, routing prefixes.
PROVIDER_NAMES = {
    "moonshot": "moonshot", "moonshotai": "moonshot", "moonshot-ai": "moonshot", "moonshotintl": "moonshot",
    "moonshot-global": "moonshot", "moonshot-cn": "moonshot-cn", "moonshotai-cn": "moonshot-cn",
    "kimi-code": "kimi-code", "kimi-coding": "kimi-code", "kimi-for-coding": "kimi-code",
    "openrouter": "openrouter", "open-router": "openrouter",
    "aimlapi": "aimlapi", "aiml": "aimlapi", "aiml-api": "aimlapi",
    "togetherai": "together", "together-ai": "together", "together": "together", "fireworks-ai": "fireworks",
    "fireworks": "fireworks",
}  # fmt: skip

# Variables that name a provider though no row has them; `None` says nothing.
MORE_KEY_VARIABLES = {
    "MOONSHOTAI_API_KEY": ("moonshot",),
    "MOONSHOT_KEY": ("moonshot",),
    "MOONSHOT_TOKEN": ("moonshot",),
}
OTHERS_KEY_VARIABLES = frozenset(
    "OPENAI_API_KEY ANTHROPIC_API_KEY DEEPSEEK_API_KEY GROQ_API_KEY GEMINI_API_KEY MISTRAL_API_KEY XAI_API_KEY"
    " DASHSCOPE_API_KEY TOGETHER_API_KEY FIREWORKS_API_KEY AZURE_OPENAI_API_KEY HF_TOKEN".split()
)

_MODEL_KEY = re.compile(
    r"(?:^|_)(?:model|model_?id|model_?name|model_?slug|model_?identifier|models|model_?ids|model_?names|deployment"
    r"|chat_?model|fallback_?models?|model_?fallbacks)$"
)
_URL_KEY = re.compile(
    r"(?:^|_)(?:(?:base|api|server|service|endpoint|host|proxy|target|completions?|chat|root)?_?(?:url|uri)(?:_base)?"
    r"|(?:api_?)?base|endpoint|api_?host|host|domain|upstream|api_?endpoint)$"
)
_OTHER_URL = re.compile(
    r"image|video|audio|media|avatar|icon|logo|callback|webhook|redirect|docs?(?:_|$)|homepage|console|issue|bug|profile"
    r"|thumb|file|download|source|referer|site|frontend|git|repo|database|db_|redis|postgres|mongo|proxy_url|sentry|page"
)
_MEDIA_KEY = re.compile(r"image|video|audio|avatar|icon|logo|(?:^|_)content$|(?:^|_)messages?$")
_KEY_KEY = re.compile(
    r"(?:^|_)(?:api_?key|key|token|access_?token|auth_?token|secret|credentials?|api_?key_?env|env_?key|key_?env"
    r"|api_?key_?name|authorization|bearer|api_?token)s?$"
)
_PROVIDER_KEY = re.compile(
    r"(?:^|_)(?:provider|provider_?name|provider_?id|vendor|custom_llm_provider|model_?provider|backend|llm_?provider"
    r"|service)$"
)
_BAD_LIST = re.compile(
    r"retired|deprecat|invalid|wrong|(?:^|_)bad|legacy|(?:^|_)old(?:_|$)|unsupported|block|ban(?:ned)?(?:_|$)|deny|denied"
    r"|removed|gone|expired|broken|reject|refus|forbid|never|alias|migrat|renam|replac|fake|dummy|nonexist|not_?exist"
    r"|unknown|sunset|disallow|dead|mistake|typo|obsolete|unlisted|missing|nope|negative|stale|float"
)
_PROSE_KEY = re.compile(
    r"(?:^|_)(?:name|title|label|display_?name|description|comment|comments|message|content|text|prompt|note|notes|help"
    r"|query|summary|placeholder|example|caption|tooltip|alt|reason|why|doc|docs|docstring|changelog|body|subject|input"
    r"|image|container_?name|repository|repo|package|version|tag|tags|keywords|branch|path|file|filename|folder|hostname"
    r"|hugging_?face_?id|hf_?repo|weights|tokenizer|checkpoint|architecture|model_?path|served_?model_?name)$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SETTER = re.compile(r"^(?:with|set|and|use|option_with)_(?=\w)")


@functools.lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a key in one form: the last of a dotted name, lower case, words joined by underscores."""
    last = re.split(r"[.]|::", name)[-1].lstrip("-$@")
    words = _CAMEL.sub("_", last).replace("-", "_").replace(" ", "_").lower()
    return _SETTER.sub("", words)


def is_model_key(name: str) -> bool:
    """Say whether what stands under this name is a model id."""
    key = plain(name)
    return (key == "m" and name.startswith("-")) or (_MODEL_KEY.search(key) is not None and "embed" not in key)


def is_url_key(name: str) -> bool:
    """Say whether what stands under this name is an address to send to."""
    key = plain(name)
    return _URL_KEY.search(key) is not None and not _OTHER_URL.search(key)


def is_media_key(name: str) -> bool:
    """Say whether what stands under this name is media, or an address that no request goes to."""
    return _MEDIA_KEY.search(plain(name)) is not None


def is_key_key(name: str) -> bool:
    """Say whether what stands under this name is a key, or the variable that holds it."""
    return _KEY_KEY.search(plain(name)) is not None


def is_provider_key(name: str) -> bool:
    """Say whether what stands under this name is a provider."""
    return _PROVIDER_KEY.search(plain(name)) is not None


def is_bad_list(name: str) -> bool:
    """Say whether what stands under this name is there because it is wrong, old or renamed."""
    return _BAD_LIST.search(plain(name)) is not None


def is_prose_key(name: str) -> bool:
    """Say whether what stands under this name is for people, or names something else than a model at an endpoint."""
    return _PROSE_KEY.search(plain(name)) is not None


@functools.lru_cache(maxsize=1024)
def provider_named(name: str) -> str | None:
    """Return the provider or host that a name stands for as a whole, None for any other name."""
    low = name.strip().lower().replace("_", "-").replace(" ", "-")
    if low in built_in() and low != "local":
        return low
    return PROVIDER_NAMES.get(low) or (low if low in _host_names() else None)


@functools.lru_cache(maxsize=4096)
def provider_in(name: str) -> str | None:
    """Return the provider that a longer name speaks of: OPENROUTER_MODEL, createOpenRouter, ChatMoonshot."""
    key = plain(name).replace("_", "")
    for words, provider in _NAMED_WITHIN:
        if words in key:
            return provider
    return None


_NAMED_WITHIN = (
    ("moonshotcn", "moonshot-cn"), ("openrouter", "openrouter"), ("aimlapi", "aimlapi"), ("kimicode", "kimi-code"),
    ("kimicoding", "kimi-code"), ("kimiforcoding", "kimi-code"), ("togetherai", "together"),
    ("fireworks", "fireworks"),
    ("deepinfra", "deepinfra"), ("moonshot", "moonshot"),
)  # fmt: skip


@functools.cache
def _host_names() -> frozenset[str]:
    return frozenset(host.name for host in hints().hosts if not host.route)


@functools.cache
def key_variables() -> dict[str, tuple[str, ...]]:
    """Return whose key each known variable may hold; the first is whose it is when nothing else is said."""
    owners: dict[str, tuple[str, ...]] = dict(MORE_KEY_VARIABLES)
    for row in built_in().values():
        for variable in row.key_env:
            owners[variable] = (row.name, *owners.get(variable, ()))
    for row in built_in().values():
        for variable in row.key_env_named:
            owners[variable] = (*owners.get(variable, ()), row.name)
    return owners


@functools.cache
def url_variables() -> dict[str, str]:
    """Return the provider whose address each known variable holds."""
    return {variable: row.name for row in built_in().values() for variable in row.url_env}
