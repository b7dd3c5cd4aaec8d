import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
spent = 0
for chunk in client.chat.completions.create(model="kimi-k2.6", messages=[], stream=True, stream_options={"include_usage": True}):
    if chunk.usage:
        spent += chunk.usage.total_tokens
    if chunk.choices and chunk.choices[0].usage:
        spent += chunk.choices[0].usage["total_tokens"]
