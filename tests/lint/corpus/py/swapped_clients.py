import os

from openai import OpenAI

direct = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
routed = OpenAI(api_key=os.environ["OPENROUTER_API_KEY"], base_url="https://openrouter.ai/api/v1")


def compare(prompt):
    messages = [{"role": "user", "content": prompt}]
    first = direct.chat.completions.create(model="moonshotai/kimi-k2.6", messages=messages)
    second = routed.chat.completions.create(model="kimi-k2.6", messages=messages)
    return first, second
