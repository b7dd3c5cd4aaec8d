"""Together serves the weights under the id of their repository."""
import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["TOGETHER_API_KEY"], base_url="https://api.together.xyz/v1")
client.chat.completions.create(model="moonshotai/Kimi-K2.6", messages=[{"role": "user", "content": "hi"}], temperature=0.2)
