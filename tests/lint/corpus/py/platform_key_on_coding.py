import os
from openai import OpenAI

client = OpenAI(
    api_key=os.getenv("MOONSHOT_API_KEY"),
    base_url="https://api.kimi.com/coding/v1",
)
client.chat.completions.create(model="kimi-for-coding", messages=[{"role": "user", "content": "hi"}])
