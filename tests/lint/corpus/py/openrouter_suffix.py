import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["OPENROUTER_API_KEY"], base_url="https://openrouter.ai/api/v1")
client.chat.completions.create(model="moonshotai/kimi-k2.6:nitro", messages=[])
client.chat.completions.create(model="moonshotai/kimi-k2.6:floor", messages=[])
client.chat.completions.create(model="moonshotai/kimi-k2.6:turbo", messages=[])
