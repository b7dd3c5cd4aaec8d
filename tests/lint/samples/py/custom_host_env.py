import os
from openai import OpenAI
client = OpenAI(base_url=os.environ["LLM_GATEWAY_URL"], api_key=os.environ["LLM_GATEWAY_KEY"])
client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[], temperature=0.1)
