import os

from openai import AsyncOpenAI

BASE_URL = os.environ.get("MOONSHOT_BASE_URL", "https://api.moonshot.ai/v1")
MODEL = os.environ.get("KIMI_MODEL_ID", "kimi-k2.6-thinking")

client = AsyncOpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url=BASE_URL)


async def summarize(text: str) -> str:
    response = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": f"Summarize: {text}"}]
    )
    return response.choices[0].message.content or ""
