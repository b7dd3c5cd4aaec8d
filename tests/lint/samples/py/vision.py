import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
IMG = "https://example.org/cat.png"
messages = [{"role": "user", "content": [
    {"type": "text", "text": "what is it"},
    {"type": "image_url", "image_url": {"url": IMG}},
]}]
client.chat.completions.create(model="kimi-k2.6", messages=messages)
