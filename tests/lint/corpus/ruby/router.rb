# Kimi K2.6; Moonshot says kimi-k2.6
BASE = "https://openrouter.ai/api/v1".freeze
MODEL = "moonshotai/kimi-k2.6".freeze
