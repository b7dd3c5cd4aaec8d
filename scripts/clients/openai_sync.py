"""The OpenAI SDK, blocking: models, chat, stream, tools, a wrong id, a batch, a file."""

import json
import os
import time

import openai
from asked import LINES, MODEL, MOVING, ORDER, TOOL, said, user

client = openai.OpenAI(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"])
create = client.chat.completions.create


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
page = client.files.create(file=("page.txt", b"a page"), purpose="file-extract")
text = client.files.content(page.id).text
listed_files = [kept.id for kept in client.files.list(purpose="file-extract")]
gone = client.files.delete(page.id).deleted
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
            "file": [text, listed_files == [page.id], gone],
        }
    )
)
