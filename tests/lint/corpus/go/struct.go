package llm

var Providers = []Provider{
	{Name: "moonshot", BaseURL: "https://api.moonshot.ai/v1", Model: "kimi-k2.6"},
	{Name: "openrouter", BaseURL: "https://openrouter.ai/api/v1", Model: "kimi-k2.6"},
}
