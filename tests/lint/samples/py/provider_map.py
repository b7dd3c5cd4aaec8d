MODELS = {
    "moonshot": "kimi-k2.6",
    "openrouter": "moonshotai/kimi-k2.6",
    "aimlapi": "moonshot/kimi-k2.6",
    "together": "moonshotai/Kimi-K2-Thinking",
}
