import os
from openai import OpenAI

client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_CN_API_KEY"])
