import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
client.chat.completions.create(model="kimi-k2.6", messages=[], temperature=0.6, tool_choice="required", extra_body={"thinking": {"type": "disabled"}})
client.chat.completions.create(model="kimi-k2.6", messages=[], temperature=1.0, top_p=0.95)
client.chat.completions.create(model="kimi-k2.6", messages=[], temperature=1.0, extra_body={"thinking": {"type": "disabled"}})
params = {"temperature": 0.3, "max_tokens": 1024}
client.chat.completions.create(model="kimi-k2.6", messages=[], **params)
client.chat.completions.create(model="kimi-k2.6", messages=[], tools=t, tool_choice={"type": "function", "function": {"name": "f"}})
