type Provider = { id: string; baseUrl: string; model: string };

export const providers: Provider[] = [
  { id: "moonshot", baseUrl: "https://api.moonshot.ai/v1", model: "kimi-k2.6" },
  { id: "openrouter", baseUrl: "https://openrouter.ai/api/v1", model: "moonshotai/kimi-k2.6" },
  { id: "aimlapi", baseUrl: "https://api.aimlapi.com/v1", model: "moonshotai/kimi-k2.6" },
];
