package llm

const (
	BaseURL      = "https://api.moonshot.ai/v1"
	DefaultModel = "kimi-k2-turbo-preview"
)
