import os
from openai import OpenAI
client = OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.environ["OPENROUTER_API_KEY"])
client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[], extra_body={"models": ["moonshotai/kimi-k3", "kimi-k2.6"]})
