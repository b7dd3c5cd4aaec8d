import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
def clean(messages, tools):
    for m in messages:
        m.pop("reasoning_content", None)
    return client.chat.completions.create(model="kimi-k2.6", messages=messages, tools=tools)
