"""The OpenAI SDK on asyncio: models, chat, stream, tools, a wrong id, a batch."""

import asyncio
import json
import os

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


def user(text):
    return {"role": "user", "content": text}


def said(text):
    """Return what the answers of a batch say."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line["response"]["body"]["choices"][0]["message"]["content"] for line in lines]


async def main():
    async with openai.AsyncOpenAI(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"]) as client:
        create = client.chat.completions.create
        listed = [model.id async for model in client.models.list()]
        plain = (await create(model=MODEL, messages=[user("hello")])).choices[0].message.content
        stream = await create(model=MODEL, messages=[user("hello again")], stream=True)
        chunks = [chunk async for chunk in stream if chunk.choices]
        asked = (await create(model=MODEL, messages=[user("look outside")], tools=[TOOL])).choices[0].message
        (call,) = asked.tool_calls
        seen = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
        told = await create(model=MODEL, messages=[user("look outside"), asked, seen], tools=[TOOL])
        try:
            await create(model="kimi-k2-6", messages=[user("hello")])
            refused = None
        except openai.NotFoundError as error:
            refused = error.body["suggestions"][0]
        file = await client.files.create(file=("in.jsonl", LINES.encode()), purpose="batch")
        batch = await client.batches.create(input_file_id=file.id, **ORDER)
        while batch.status in MOVING:
            await asyncio.sleep(0.05)
            batch = await client.batches.retrieve(batch.id)
        results = said((await client.files.content(batch.output_file_id)).text)
    return {
        "client": f"openai {openai.__version__}, asyncio",
        "models": listed,
        "chat": plain,
        "stream": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        "pieces": len(chunks),
        "call": [call.function.name, json.loads(call.function.arguments)],
        "tool": told.choices[0].message.content,
        "refused": refused,
        "batch": results,
    }


print(json.dumps(asyncio.run(main())))
