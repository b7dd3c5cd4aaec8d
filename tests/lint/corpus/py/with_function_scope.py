import os
from openai import OpenAI


def moonshot():
    client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
    return client.chat.completions.create(model="kimi-k2.6", messages=[])


def aimlapi():
    client = OpenAI(api_key=os.environ["AIMLAPI_API_KEY"], base_url="https://api.aimlapi.com/v1")
    return client.chat.completions.create(model="kimi-k2.6", messages=[])
