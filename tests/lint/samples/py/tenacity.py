import os, openai
from openai import OpenAI
from tenacity import retry, retry_if_exception_type, wait_exponential
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
@retry(retry=retry_if_exception_type(openai.RateLimitError), wait=wait_exponential())
def ask(q):
    return client.chat.completions.create(model="kimi-k2.6", messages=q)
