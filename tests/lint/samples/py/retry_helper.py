import os, time
from openai import OpenAI, RateLimitError, APIStatusError
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"], max_retries=0)
def call(messages, attempts=5):
    for attempt in range(attempts):
        try:
            return client.chat.completions.create(model="kimi-k2.6", messages=messages)
        except RateLimitError:
            if attempt == attempts - 1:
                raise
            time.sleep(2 ** attempt)
