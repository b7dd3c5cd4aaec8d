from openai import OpenAI
client = OpenAI(base_url="http://litellm.internal:4000/v1", api_key="sk-local")
client.chat.completions.create(model="moonshotai/kimi-k2.6", temperature=0.2, messages=[])
client.chat.completions.create(model="kimi-k2.6-thinking", messages=[])
