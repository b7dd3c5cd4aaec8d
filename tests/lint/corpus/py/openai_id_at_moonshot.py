import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")


def chat(messages, model="gpt-4o-mini"):
    return client.chat.completions.create(model=model, messages=messages)
