LLM_CONFIG = {
    "config_list": [
        {
            "model": "kimi-k2.6-coding",
            "base_url": "https://api.moonshot.ai/v1",
            "api_type": "openai",
        }
    ],
    "timeout": 120,
}
