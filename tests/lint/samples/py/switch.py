import os
from openai import OpenAI
def client_for(provider):
    if provider == "moonshot":
        return OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"]), "kimi-k2.6"
    if provider == "openrouter":
        return OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.environ["OPENROUTER_API_KEY"]), "moonshotai/kimi-k2.6"
    raise KeyError(provider)
