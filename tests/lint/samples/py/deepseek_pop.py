import os
from openai import OpenAI
client = OpenAI(base_url="https://api.deepseek.com", api_key=os.environ["DEEPSEEK_API_KEY"])
def clean(messages):
    for m in messages:
        m.pop("reasoning_content", None)  # not kimi
    return client.chat.completions.create(model="deepseek-reasoner", messages=messages, tools=[])
