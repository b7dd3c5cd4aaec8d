import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
fast = True
r = client.chat.completions.create(model="kimi-k2-turbo-preview" if fast else "kimi-k2.6", messages=[])
