import os
from openai import OpenAI

llm = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
print(llm.chat.completions.create(model="kimi-k2.9-ultra", messages=[{"role": "user", "content": "ping"}]))
