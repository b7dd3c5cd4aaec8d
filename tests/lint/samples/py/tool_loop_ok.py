import json, os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
def loop(messages, tools):
    while True:
        msg = client.chat.completions.create(model="kimi-k2.6", messages=messages, tools=tools).choices[0].message
        messages.append(msg)
def loop2(messages, tools):
        msg = client.chat.completions.create(model="kimi-k2.6", messages=messages, tools=tools).choices[0].message
        entry = {"role": "assistant", "content": msg.content, "tool_calls": msg.tool_calls}
        entry["reasoning_content"] = msg.reasoning_content
        messages.append(entry)
