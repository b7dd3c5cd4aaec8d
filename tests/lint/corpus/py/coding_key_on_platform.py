import os
from openai import OpenAI

API_KEY = os.environ["KIMI_CODE_API_KEY"]
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=API_KEY)
client.chat.completions.create(model="kimi-k2.6", messages=[{"role": "user", "content": "hi"}])
