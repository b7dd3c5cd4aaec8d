import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["AIMLAPI_API_KEY"], base_url="https://api.aimlapi.com/v1")
client.chat.completions.create(
    model="moonshot/kimi-k2-6",
    messages=[{"role": "user", "content": "2+2"}],
    extra_body={"thinking": {"type": "disabled"}},
)
