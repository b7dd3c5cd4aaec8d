from openai import OpenAI
import os
c = OpenAI(base_url="https://api.deepinfra.com/v1/openai", api_key=os.environ["DEEPINFRA_API_KEY"])
c.chat.completions.create(model="moonshotai/Kimi-K2.6", messages=[], temperature=0.2)
d = OpenAI(base_url="https://api.novita.ai/openai", api_key=os.environ["NOVITA_API_KEY"])
d.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[])
