"""The OpenAI SDK on asyncio: models, chat, stream, tools, a wrong id, a batch."""

import asyncio
import json
import os

import openai
from asked import LINES, MODEL, MOVING, ORDER, TOOL, said, user


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
        page = await client.files.create(file=("page.txt", b"a page"), purpose="file-extract")
        text = (await client.files.content(page.id)).text
        kept = [each.id async for each in client.files.list(purpose="file-extract")]
        gone = (await client.files.delete(page.id)).deleted
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
        "file": [text, kept == [page.id], gone],
    }


print(json.dumps(asyncio.run(main())))
