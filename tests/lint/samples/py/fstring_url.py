import os, requests
HOST = "api.moonshot.ai"
r = requests.post(f"https://{HOST}/v1/chat/completions", json={"model": "moonshotai/kimi-k2.6", "messages": []})
