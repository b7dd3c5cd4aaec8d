import requests, os
BASE = "https://api.moonshot.ai"
payload = {"model": "kimi-k2.6", "top_p": 0.5, "messages": []}
requests.post(f"{BASE}/v1/chat/completions", json=payload, headers={"Authorization": "Bearer " + os.environ["MOONSHOT_API_KEY"]})
