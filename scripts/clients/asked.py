"""What the programs beside this one ask of a gateway, so that each is only its client's own way of asking."""

import json

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
    """Return a message."""
    return {"role": "user", "content": text}


def said(text):
    """Return what the answers of a batch say."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [line["response"]["body"]["choices"][0]["message"]["content"] for line in lines]
