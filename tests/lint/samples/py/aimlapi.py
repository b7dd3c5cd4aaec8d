import os
from openai import OpenAI
client = OpenAI(base_url="https://api.aimlapi.com/v1", api_key=os.environ["AIMLAPI_KEY"])
client.chat.completions.create(model="moonshot/kimi-k2-6", messages=[], temperature=0.3)
client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[])
