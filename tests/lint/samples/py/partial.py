from functools import partial
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1")
ask = partial(client.chat.completions.create, model="kimi-k2.7", temperature=1)
