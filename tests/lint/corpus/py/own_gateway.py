import os
from openai import OpenAI

# our LiteLLM proxy routes team/* to whatever is cheapest
client = OpenAI(base_url=os.environ["LLM_GATEWAY_URL"], api_key=os.environ["LLM_GATEWAY_KEY"])
client.chat.completions.create(model="team/kimi-k2-6", messages=[{"role": "user", "content": "hi"}])
