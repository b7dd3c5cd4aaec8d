import backoff, openai, os
client = openai.OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
@backoff.on_exception(backoff.expo, openai.RateLimitError, max_tries=8)
def ask(messages):
    return client.chat.completions.create(model="kimi-k2.6", messages=messages)
