import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
def describe(url, b64, file_id):
    parts = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64}"}},
        {"type": "image_url", "image_url": {"url": f"ms://{file_id}"}},
        {"type": "image_url", "image_url": "http://cdn.example.com/a.jpg"},
        {"type": "video_url", "video_url": {"url": "https://cdn.example.com/a.mp4"}},
    ]
    return client.chat.completions.create(model="kimi-k2.6", messages=[{"role": "user", "content": parts}])
