"""LiteLLM's SDK: chat, stream, tools, a wrong id. Its own list of models is not asked for here."""

import json
import os
from importlib.metadata import version

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched at import
import litellm
from asked import TOOL, user

litellm.suppress_debug_info = True


def complete(*messages, model="kimi-k2.6", **more):
    return litellm.completion(
        model=f"openai/{model}",
        api_base=os.environ["GATEWAY_URL"],
        api_key=os.environ["GATEWAY_KEY"],
        messages=list(messages),
        **more,
    )


chunks = [chunk for chunk in complete(user("hello again"), stream=True) if chunk.choices]
asked = complete(user("look outside"), tools=[TOOL]).choices[0].message
(call,) = asked.tool_calls
seen = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
try:
    complete(user("hello"), model="kimi-k2-6")
    refused = None
except litellm.NotFoundError as error:
    refused = "kimi-k2.6" if "'kimi-k2.6'" in str(error) else str(error)
print(
    json.dumps(
        {
            "client": f"litellm {version('litellm')}",
            "chat": complete(user("hello")).choices[0].message.content,
            "stream": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
            "pieces": len(chunks),
            "call": [call.function.name, json.loads(call.function.arguments)],
            "tool": complete(user("look outside"), asked.model_dump(), seen, tools=[TOOL]).choices[0].message.content,
            "refused": refused,
        }
    )
)
