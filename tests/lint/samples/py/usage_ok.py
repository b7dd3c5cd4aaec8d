import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
stream = client.chat.completions.create(model="kimi-k2.6", messages=[], stream=True, stream_options={"include_usage": True})
for chunk in stream:
    if chunk.usage:
        print(chunk.usage.total_tokens)
