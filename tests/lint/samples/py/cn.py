import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.cn/v1", api_key=os.environ["MOONSHOT_API_KEY"])
client.chat.completions.create(model="moonshot-v1-32k", messages=[])
client.chat.completions.create(model="kimi-k2.6", messages=[], max_tokens=1024)
