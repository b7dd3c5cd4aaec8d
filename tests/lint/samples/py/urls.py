from openai import OpenAI
a = OpenAI(base_url="https://api.moonshot.ai/v1/")
b = OpenAI(base_url="https://api.moonshot.ai/v1/v1")
c = OpenAI(base_url="http://api.moonshot.ai/v1")
d = OpenAI(base_url="https://openrouter.ai/api")
e = OpenAI(base_url="https://openrouter.ai/api/v1")
f = OpenAI(base_url="https://api.moonshoot.ai/v1")
g = OpenAI(base_url="https://api.moonshot.io/v1")
h = OpenAI(base_url="https://platform.moonshot.ai/v1")
i = OpenAI(base_url="https://api.kimi.ai/v1")
j = OpenAI(base_url="https://moonshot-proxy.mycorp.com/v1")
k = OpenAI(base_url="https://api.aimlapi.com")
l = OpenAI(base_url="https://api.moonshot.cn")
DOCS = "https://platform.kimi.ai/docs/api"
CONSOLE_URL = "https://platform.moonshot.ai/console/api-keys"
print("Get a key at https://platform.moonshot.cn/console")
