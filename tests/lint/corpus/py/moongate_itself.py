import moongate
from moongate.openai import OpenAI

client = moonshot = moongate.Client("moonshot")
client.chat(model="kimi-k2.6", messages=[{"role": "user", "content": "hi"}])
router = moongate.Client("openrouter")
router.chat(model="kimi-k2.6", messages=[{"role": "user", "content": "hi"}])
