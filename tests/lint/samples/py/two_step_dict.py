import os, requests
headers = {"Authorization": "Bearer " + os.getenv("OPENROUTER_API_KEY")}
data = {}
data["model"] = "kimi-k2.6"
data["messages"] = []
resp = requests.post("https://openrouter.ai/api/v1/chat/completions", headers=headers, json=data)
