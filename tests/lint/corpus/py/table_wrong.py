PROVIDERS = {
    "moonshot": {
        "base_url": "https://api.moonshot.ai/v1",
        "default_model": "kimi-k2.6",
        "env": "MOONSHOT_API_KEY",
    },
    "openrouter": {
        "base_url": "https://openrouter.ai/api/v1",
        "default_model": "kimi-k2.6",
        "env": "OPENROUTER_API_KEY",
    },
    "aimlapi": {
        "base_url": "https://api.aimlapi.com/v1",
        "default_model": "moonshot/kimi-k2.6",
        "env": "AIMLAPI_API_KEY",
    },
}
