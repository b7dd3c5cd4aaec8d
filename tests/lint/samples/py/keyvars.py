import os
from openai import OpenAI
a = OpenAI(base_url="https://api.moonshot.cn/v1", api_key=os.environ["MOONSHOT_API_KEY"])
b = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_CN_API_KEY"])
c = OpenAI(base_url="https://api.kimi.com/coding/v1", api_key=os.environ["MOONSHOT_API_KEY"])
d = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["OPENAI_API_KEY"])
e = OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.getenv("MOONSHOT_API_KEY"))
f = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MY_LLM_KEY"])
g = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["KIMI_API_KEY"])
KEY = os.environ["AIMLAPI_KEY"]
h = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=KEY)
