import os

HOST = "https://api.moonshot.ai"
CHAT = f"{HOST}/v1/chat/completions"
BALANCE = HOST + "/v1/users/me/balance"
BODY = {"model": "kimi-k2.6", "messages": []}
