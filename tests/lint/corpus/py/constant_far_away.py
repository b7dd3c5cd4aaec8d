import os
from openai import OpenAI

MODEL = "kimi-k2-0711-preview"
BASE_URL = "https://api.moonshot.ai/v1"
TIMEOUT = 60.0


class Assistant:
    def __init__(self):
        self.client = OpenAI(
            api_key=os.getenv("MOONSHOT_API_KEY"),
            base_url=BASE_URL,
            timeout=TIMEOUT,
        )

    def reply(self, text):
        return self.client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": text}],
        )
