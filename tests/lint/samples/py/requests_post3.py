import httpx, os
BASE_URL = "https://api.moonshot.ai/v1"
httpx.post(f"{BASE_URL}/v1/chat/completions", json={"model": "kimi-k2.6", "messages": []})
