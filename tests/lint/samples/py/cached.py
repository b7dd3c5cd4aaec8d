import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
r = client.chat.completions.create(model="kimi-k2.6", messages=[])
input_tokens = r.usage.prompt_tokens + r.usage.cached_tokens
output_tokens = r.usage.completion_tokens + r.usage.completion_tokens_details.reasoning_tokens
fresh = r.usage.prompt_tokens - r.usage.cached_tokens
total = r.usage.prompt_tokens + r.usage.completion_tokens
