import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[])  # moongate: ignore[MG002] until=2099-01-01 shown in the talk
client.chat.completions.create(model="kimi-k2.5", messages=[])  # moongate: ignore[MG002] reason that does not fit
