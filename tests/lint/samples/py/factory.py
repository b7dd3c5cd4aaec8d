from openai import OpenAI
import os
def make_client():
    return OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.environ["OPENROUTER_API_KEY"])
def main():
    client = make_client()
    client.chat.completions.create(model="kimi-k2.6", messages=[])
