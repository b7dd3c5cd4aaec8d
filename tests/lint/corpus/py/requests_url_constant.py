import requests

API = "https://openrouter.ai/api/v1/chat/completions"


def call(prompt, key):
    payload = {
        "model": "moonshot/kimi-k2-6",
        "messages": [{"role": "user", "content": prompt}],
    }
    return requests.post(API, json=payload, headers={"Authorization": f"Bearer {key}"}, timeout=60).json()
