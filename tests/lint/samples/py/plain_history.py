import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
history = []
def chat(q):
    history.append({"role": "user", "content": q})
    m = client.chat.completions.create(model="kimi-k2.6", messages=history).choices[0].message
    history.append({"role": "assistant", "content": m.content})
    return m.content
