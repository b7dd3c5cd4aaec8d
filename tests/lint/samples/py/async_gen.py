import os
from openai import AsyncOpenAI
aclient = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "https://api.moonshot.ai/v1"),
    api_key=os.environ["MOONSHOT_API_KEY"],
)
async def stream(messages):
    total = 0
    async for event in await aclient.chat.completions.create(model="kimi-k2.6", messages=messages, stream=True):
        if event.choices[0].delta.content:
            yield event.choices[0].delta.content
        if event.usage:
            total += event.usage.prompt_tokens
