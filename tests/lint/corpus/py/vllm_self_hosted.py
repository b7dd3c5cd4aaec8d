from openai import OpenAI

client = OpenAI(base_url="http://localhost:8000/v1", api_key="EMPTY")
client.chat.completions.create(model="moonshotai/Kimi-K2.6", messages=[{"role": "user", "content": "hi"}], temperature=0.2)
