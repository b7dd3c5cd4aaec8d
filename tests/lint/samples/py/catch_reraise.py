import os
from openai import OpenAI, RateLimitError
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
def call(messages):
    try:
        return client.chat.completions.create(model="kimi-k2.6", messages=messages)
    except RateLimitError as error:
        raise Busy() from error
