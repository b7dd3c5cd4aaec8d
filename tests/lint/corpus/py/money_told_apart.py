import os
import time

import openai
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")


def ask(messages):
    for pause in (1, 2, 4):
        try:
            return client.chat.completions.create(model="kimi-k2.6", messages=messages)
        except openai.RateLimitError as error:
            if error.type == "exceeded_current_quota_error":
                raise
            time.sleep(pause)
    raise SystemExit("still limited")
