import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")

client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "Write a haiku."}],
    temperature=1.0,
    top_p=0.95,
    n=1,
)
client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "Write a haiku."}],
    temperature=0.6,
    extra_body={"thinking": {"type": "disabled"}},
)
