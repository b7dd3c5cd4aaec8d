"""The official OpenAI SDK's classes, guarded: same behaviour, but no model id leaves that the endpoint does not list.

    from moongate.openai import OpenAI
    client = OpenAI("moonshot")
    client.chat.completions.create(model="kimi-k2.6", messages=[…])

Key and base url come from moongate's settings; OPENAI_API_KEY and OPENAI_BASE_URL are never used. Importing this
needs the extra `moongate[openai]`.
"""

from moongate.errors import MissingExtraError

try:
    import openai as _sdk
except ModuleNotFoundError as error:
    if error.name != "openai":
        raise
    raise MissingExtraError(
        "The OpenAI SDK is not installed.", advice="Install it: pip install 'moongate[openai]'"
    ) from error

from moongate.openai.aio import AsyncGuarded, AsyncOpenAI
from moongate.openai.existing import guard
from moongate.openai.sync import Guarded, OpenAI

_HOOKS = ("_prepare_options", "_send_request", "copy")
for _of in (_sdk.OpenAI, _sdk.AsyncOpenAI):
    if not all(hasattr(_of, hook) for hook in _HOOKS):
        raise MissingExtraError(
            f"openai {_sdk.__version__} has not the hooks that the guard stands in, so it cannot be guarded.",
            advice="Install one that has: pip install 'moongate[openai]'",
        )

__all__ = ["AsyncGuarded", "AsyncOpenAI", "Guarded", "OpenAI", "guard"]
