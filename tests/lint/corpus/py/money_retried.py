import os
import time

import openai
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")


def ask(messages):
    while True:
        try:
            return client.chat.completions.create(model="kimi-k2.6", messages=messages)
        except openai.RateLimitError:
            time.sleep(5)
