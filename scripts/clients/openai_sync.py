"""The OpenAI SDK, blocking: models, chat, stream, tools, a wrong id, a batch."""

import json
import os
import time

import openai

MODEL = "kimi-k2.6"
TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}},
}
LINES = "".join(
    json.dumps(
        {
            "custom_id": text,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": MODEL, "messages": [{"role": "user", "content": text}]},
        }
    )
    + "\n"
    for text in ("one", "two")
)
ORDER = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
MOVING = ("validating", "in_progress", "finalizing")
client = openai.OpenAI(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"])
create = client.chat.completions.create


def user(text):
    return {"role": "user", "content": text}


def said(text):
    """Return what the answers of a batch say."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line["response"]["body"]["choices"][0]["message"]["content"] for line in lines]


listed = [model.id for model in client.models.list()]
plain = create(model=MODEL, messages=[user("hello")]).choices[0].message.content
chunks = [chunk for chunk in create(model=MODEL, messages=[user("hello again")], stream=True) if chunk.choices]
asked = create(model=MODEL, messages=[user("look outside")], tools=[TOOL]).choices[0].message
(call,) = asked.tool_calls
seen = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
told = create(model=MODEL, messages=[user("look outside"), asked, seen], tools=[TOOL]).choices[0].message.content
try:
    create(model="kimi-k2-6", messages=[user("hello")])
    refused = None
except openai.NotFoundError as error:
    refused = error.body["suggestions"][0]
file = client.files.create(file=("in.jsonl", LINES.encode()), purpose="batch")
batch = client.batches.create(input_file_id=file.id, **ORDER)
while batch.status in MOVING:
    time.sleep(0.05)
    batch = client.batches.retrieve(batch.id)
results = said(client.files.content(batch.output_file_id).text)
print(
    json.dumps(
        {
            "client": f"openai {openai.__version__}",
            "models": listed,
            "chat": plain,
            "stream": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
            "pieces": len(chunks),
            "call": [call.function.name, json.loads(call.function.arguments)],
            "tool": told,
            "refused": refused,
            "batch": results,
        }
    )
)
