from openai import OpenAI
client = OpenAI()
client.chat.completions.create(model="kimi-k2.6", messages=[])
