import os
from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
client.chat.completions.create(model="moonshotai/kimi-k2.6", messages=[])  # moongate: ignore[MG002] our proxy rewrites it
# moongate: ignore[MG003] until=2027-01-01 kept until the migration
client.chat.completions.create(model="kimi-k2.5", messages=[])
client.chat.completions.create(model="kimi-k2.5", messages=[])  # moongate: ignore[MG003] until=2026-01-01 too late
client.chat.completions.create(model="kimi-k2.5", messages=[])  # moongate: ignore
client.chat.completions.create(model="kimi-k2.5", messages=[])  # moongate: ignore[MG001]
