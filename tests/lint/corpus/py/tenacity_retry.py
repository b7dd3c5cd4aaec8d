import os

from openai import OpenAI, RateLimitError
from tenacity import retry, retry_if_exception_type, wait_exponential

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")


@retry(retry=retry_if_exception_type(RateLimitError), wait=wait_exponential(max=60))
def ask(messages):
    return client.chat.completions.create(model="kimi-k2.6", messages=messages)
