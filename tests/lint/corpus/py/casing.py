from openai import OpenAI

client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=load_key("moonshot"))
resp = client.chat.completions.create(model="Kimi-K2.6", messages=[])
