import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
stream = client.chat.completions.create(model="kimi-k2.6", messages=[], stream=True)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content)
    if chunk.usage is not None:
        total = chunk.usage.total_tokens
