// Not kimi-k2.6: OpenRouter wants the author.
const BASE: &str = "https://openrouter.ai/api/v1";
const MODEL: &str = "moonshotai/kimi-k2.6";
