import os, time, openai
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
def ask(q):
    while True:
        try:
            return client.chat.completions.create(model="kimi-k2.6", messages=q)
        except openai.RateLimitError as e:
            if "exceeded_current_quota" in str(e):
                raise
            time.sleep(1)
