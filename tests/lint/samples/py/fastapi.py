import os
from fastapi import FastAPI
from openai import AsyncOpenAI
app = FastAPI()
KIMI_BASE_URL = os.environ.get("KIMI_BASE_URL", "https://api.moonshot.ai/v1")
KIMI_MODEL = os.environ.get("KIMI_MODEL", "kimi-k2-turbo-preview")
def get_client() -> AsyncOpenAI:
    return AsyncOpenAI(base_url=KIMI_BASE_URL, api_key=os.environ["MOONSHOT_API_KEY"])
@app.post("/chat")
async def chat(body: dict):
    client = get_client()
    resp = await client.chat.completions.create(model=KIMI_MODEL, messages=body["messages"], temperature=0.7)
    return {"model": resp.model, "text": resp.choices[0].message.content}
