from openai import OpenAI
a = OpenAI(base_url="https://api.moonshot.ai/v1", api_key="sk-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3")
b = OpenAI(base_url="https://api.moonshot.ai/v1", api_key="sk-your-moonshot-api-key")
c = OpenAI(base_url="https://api.moonshot.ai/v1", api_key="sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
d = OpenAI(base_url="https://api.moonshot.ai/v1", api_key="")
e = OpenAI(base_url="http://localhost:8000/v1", api_key="not-needed")
KEY = "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"
