package llm

// ModelKimi is what Moonshot calls it; OpenRouter says moonshotai/kimi-k2.6.
const ModelKimi = "kimi-k2.6"

var base = "https://api.moonshot.ai/v1"
