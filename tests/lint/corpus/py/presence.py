import os
from openai import OpenAI

kimi = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
kimi.chat.completions.create(
    model="kimi-k2.7-code",
    messages=[{"role": "user", "content": "hi"}],
    presence_penalty=0.5,
)
