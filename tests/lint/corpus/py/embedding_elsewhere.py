import os
from openai import OpenAI

chat = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
embed = OpenAI(api_key=os.environ["OPENAI_API_KEY"])

vectors = embed.embeddings.create(model="text-embedding-3-small", input=["a"])
answer = chat.chat.completions.create(model="kimi-k2.6", messages=[{"role": "user", "content": "a"}])
