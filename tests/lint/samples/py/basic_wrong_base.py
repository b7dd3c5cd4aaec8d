import os
from openai import OpenAI

client = OpenAI(
    api_key=os.environ.get("MOONSHOT_API_KEY"),
    base_url="https://api.moonshot.ai/v1/chat/completions",
)
completion = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "hi"}],
)
