"""Three endpoints, three spellings of one model."""
import os

from openai import OpenAI

moonshot = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
router = OpenAI(api_key=os.environ["OPENROUTER_API_KEY"], base_url="https://openrouter.ai/api/v1")
aiml = OpenAI(api_key=os.environ["AIMLAPI_API_KEY"], base_url="https://api.aimlapi.com/v1")

MESSAGES = [{"role": "user", "content": "hi"}]

moonshot.chat.completions.create(model="kimi-k2.6", messages=MESSAGES)
router.chat.completions.create(model="moonshotai/kimi-k2.6", messages=MESSAGES)
aiml.chat.completions.create(model="moonshot/kimi-k2-6", messages=MESSAGES)
