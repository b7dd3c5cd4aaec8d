"""LangChain's ChatOpenAI: chat, stream, tools, a wrong id. It has no call that lists models.

It does not send `reasoning_content` back, which Kimi wants in a tool turn while it thinks: so no thinking with tools.
"""

import json
import os
from importlib.metadata import version

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def look(place: str) -> str:
    """Look at a place."""
    return "rain"


def model(name="kimi-k2.6", **more):
    return ChatOpenAI(model=name, base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"], **more)


pieces = [piece.content for piece in model().stream("hello again")]
looking = model(extra_body={"thinking": {"type": "disabled"}}).bind_tools([look])
asked = looking.invoke("look outside")
(call,) = asked.tool_calls
seen = ToolMessage(look.invoke(call["args"]), tool_call_id=call["id"])
told = looking.invoke([HumanMessage("look outside"), asked, seen])
try:
    model("kimi-k2-6").invoke("hello")
    refused = None
except openai.NotFoundError as error:
    refused = error.body["suggestions"][0]
print(
    json.dumps(
        {
            "client": f"langchain-openai {version('langchain-openai')}",
            "chat": model().invoke("hello").content,
            "stream": "".join(pieces),
            "pieces": len(pieces),
            "call": [call["name"], call["args"]],
            "tool": told.content,
            "refused": refused,
        }
    )
)
