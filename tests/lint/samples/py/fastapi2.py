import os
from openai import AsyncOpenAI
KIMI_MODEL = os.environ.get("KIMI_MODEL", "kimi-k2.6")
def get_client() -> AsyncOpenAI:
    return AsyncOpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
async def chat(body: dict):
    client = get_client()
    resp = await client.chat.completions.create(model=KIMI_MODEL, messages=body["messages"], temperature=0.7)
