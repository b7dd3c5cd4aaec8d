import os
from openai import OpenAI
def client_for(provider):
    if provider == "openrouter":
        client = OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.environ["OPENROUTER_API_KEY"])
        model = "kimi-k2.6"
    else:
        client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
        model = "kimi-k2.6"
    return client.chat.completions.create(model=model, messages=[])
