import anthropic, os
client = anthropic.Anthropic(base_url="https://api.moonshot.ai/anthropic", api_key=os.environ["MOONSHOT_API_KEY"])
client.messages.create(model="kimi-k2.6", max_tokens=1000, messages=[])
client.messages.create(model="moonshotai/kimi-k2.6", max_tokens=1000, messages=[])
