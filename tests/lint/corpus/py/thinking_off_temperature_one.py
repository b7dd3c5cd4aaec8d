import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "2+2"}],
    temperature=1.0,
    extra_body={"thinking": {"type": "disabled"}},
)
