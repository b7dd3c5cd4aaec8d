config_list = [
    {"model": "kimi-k2-0905-preview", "api_key": os.environ["MOONSHOT_API_KEY"], "base_url": "https://api.moonshot.ai/v1"},
    {"model": "moonshotai/kimi-k2.6", "api_key": os.environ["OPENROUTER_API_KEY"], "base_url": "https://openrouter.ai/api/v1"},
    {"model": "gpt-4o", "api_key": os.environ["OPENAI_API_KEY"]},
]
