from openai import AsyncOpenAI
class Bot:
    MODEL = "kimi-k2.6"
    def __init__(self, key):
        self.client = AsyncOpenAI(api_key=key, base_url="https://api.moonshot.cn/v1")
    async def ask(self, q):
        r = await self.client.chat.completions.create(model=self.MODEL, messages=[{"role":"user","content":q}], temperature=0.7)
        return r
