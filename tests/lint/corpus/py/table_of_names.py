"""What each host calls it."""

SPELLINGS = {
    "moonshot": "kimi-k2.6",
    "openrouter": "moonshotai/kimi-k2.6",
    "aimlapi": "moonshot/kimi-k2-6",
    "together": "moonshotai/Kimi-K2.6",
    "venice": "kimi-k2-6",
    "fireworks": "accounts/fireworks/models/kimi-k2p6",
}
