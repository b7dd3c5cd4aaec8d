from openai import OpenAI
import os
openai_client = OpenAI()
kimi = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
router = OpenAI(base_url="https://openrouter.ai/api/v1", api_key=os.environ["OPENROUTER_API_KEY"])
openai_client.chat.completions.create(model="gpt-4o", messages=[])
kimi.chat.completions.create(model="kimi-k2.6", messages=[])
router.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[])
router.chat.completions.create(model="openai/gpt-4o", messages=[])
