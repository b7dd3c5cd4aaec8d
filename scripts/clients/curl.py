"""curl, as documentation shows it: models, chat, stream, tools, a wrong id, a batch, a file."""

import json
import os
import subprocess
import tempfile
import time

from asked import LINES, MODEL, MOVING, ORDER, TOOL, said, user


def curl(path, body=None, *more):
    """Run curl and return what it printed. The key goes in through a pipe, not on the command line."""
    command = ["curl", "-sS", "-N", "--max-time", "20", "--config", "-", os.environ["GATEWAY_URL"] + path]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    command += more
    secret = f'header = "Authorization: Bearer {os.environ["GATEWAY_KEY"]}"\n'
    return subprocess.run(command, input=secret, capture_output=True, text=True, check=True).stdout


def chat(*messages, **more):
    body = {"model": MODEL, "messages": list(messages), **more}
    return json.loads(curl("/chat/completions", body))["choices"][0]["message"]


listed = [row["id"] for row in json.loads(curl("/models"))["data"]]
streamed = curl("/chat/completions", {"model": MODEL, "messages": [user("hello again")], "stream": True})
events = [json.loads(line[6:]) for line in streamed.split("\n") if line.startswith("data: {")]
asked = chat(user("look outside"), tools=[TOOL])
(call,) = asked["tool_calls"]
seen = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
wrong = json.loads(curl("/chat/completions", {"model": "kimi-k2-6", "messages": [user("hello")]}))
version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
    file.write(LINES)
    file.flush()
    uploaded = json.loads(curl("/files", None, "-F", "purpose=batch", "-F", f"file=@{file.name}"))
with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    file.write("a page")
    file.flush()
    page = json.loads(curl("/files", None, "-F", "purpose=file-extract", "-F", f"file=@{file.name}"))["id"]
text = curl(f"/files/{page}/content")
kept = [each["id"] for each in json.loads(curl("/files?purpose=file-extract"))["data"]]
gone = json.loads(curl(f"/files/{page}", None, "-X", "DELETE"))["deleted"]
batch = json.loads(curl("/batches", {"input_file_id": uploaded["id"], **ORDER}))
while batch["status"] in MOVING:
    time.sleep(0.05)
    batch = json.loads(curl(f"/batches/{batch['id']}"))
print(
    json.dumps(
        {
            "client": f"curl {version}",
            "models": listed,
            "chat": chat(user("hello"))["content"],
            "stream": "".join(c["delta"].get("content") or "" for event in events for c in event["choices"]),
            "pieces": len(events),
            "call": [call["function"]["name"], json.loads(call["function"]["arguments"])],
            "tool": chat(user("look outside"), asked, seen, tools=[TOOL])["content"],
            "refused": wrong["error"]["suggestions"][0],
            "batch": said(curl(f"/files/{batch['output_file_id']}/content")),
            "file": [text, kept == [page], gone],
        }
    )
)
