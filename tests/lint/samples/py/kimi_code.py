import os
from openai import OpenAI
client = OpenAI(base_url="https://api.kimi.com/coding/v1", api_key=os.environ["KIMI_API_KEY"])
client.chat.completions.create(model="kimi-for-coding", messages=[])
client.chat.completions.create(model="kimi-k2.6", messages=[])
