import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")

tokens = 0
stream = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "count"}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.usage:
        tokens = chunk.usage.total_tokens
