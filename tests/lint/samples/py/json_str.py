import urllib.request, os
body = b'{"model": "kimi-k2-0905-preview", "messages": []}'
req = urllib.request.Request("https://api.moonshot.ai/v1/chat/completions", data=body, headers={"Authorization": "Bearer " + os.environ["MOONSHOT_API_KEY"]})
