export const MOONSHOT_BASE_URL = "https://api.moonshot.ai/v1";
export const DEFAULT_MODEL = "kimi-k2.5";
export const MODELS: readonly string[] = [
  "kimi-k2.6",
  "kimi-k3",
  "kimi-k2.6-turbo",
];
