import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
usage = None
for chunk in client.chat.completions.create(model="kimi-k2.6", messages=[], stream=True):
    usage = getattr(chunk, "usage", None) or getattr(chunk.choices[0], "usage", None)
resp = client.chat.completions.create(model="kimi-k2.6", messages=[])
print(resp.usage.total_tokens)
