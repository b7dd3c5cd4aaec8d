import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
params = {"model": "kimi-k2.6", "n": 2, "messages": [{"role": "user", "content": "hi"}]}
client.chat.completions.create(**params)
