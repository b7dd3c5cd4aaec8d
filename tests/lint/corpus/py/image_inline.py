import base64, os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
data = base64.b64encode(open("cat.png", "rb").read()).decode()
client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}]}],
)
