package x
var models = map[string]string{
	"moonshot":   "kimi-k2.6",
	"openrouter": "kimi-k2.6",
}
