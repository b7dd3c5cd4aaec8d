import os
from openai import OpenAI
client = OpenAI(
    api_key=os.getenv("MOONSHOT_API_KEY"),
    base_url=os.getenv("MOONSHOT_BASE_URL", "https://api.moonshot.ai/v1"),
)
MODEL = os.getenv("KIMI_MODEL_ID") or "kimi-latest"
resp = client.chat.completions.create(model=MODEL, messages=[])
