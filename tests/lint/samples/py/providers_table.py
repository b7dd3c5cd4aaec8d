PROVIDERS = {
    "moonshot": {"base_url": "https://api.moonshot.ai/v1", "model": "moonshotai/kimi-k2.6", "key_env": "MOONSHOT_API_KEY"},
    "openrouter": {"base_url": "https://openrouter.ai/api/v1", "model": "kimi-k2.6", "key_env": "OPENROUTER_API_KEY"},
    "ok": {"base_url": "https://openrouter.ai/api/v1", "model": "moonshotai/kimi-k2.6", "key_env": "MOONSHOT_API_KEY"},
}
