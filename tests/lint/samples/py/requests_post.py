import requests, os
API_URL = "https://api.moonshot.ai/v1/chat/completions"
headers = {"Authorization": f"Bearer {os.environ['MOONSHOT_API_KEY']}"}
payload = {
    "model": "kimi-k2.6-coding",
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.5,
}
requests.post(API_URL, headers=headers, json=payload)
