import requests, time, os
URL = "https://api.moonshot.ai/v1/chat/completions"
def ask(body):
    while True:
        r = requests.post(URL, json=body, headers={"Authorization": f"Bearer {os.environ['MOONSHOT_API_KEY']}"})
        if r.status_code == 429:
            time.sleep(5)
            continue
        r.raise_for_status()
        return r.json()
