export default {
  providers: {
    moonshot: { baseURL: "https://api.moonshot.ai/v1", models: ["kimi-k2.6", "kimi-k2.5", "kimi-k3"] },
    openrouter: { baseURL: "https://openrouter.ai/api/v1", models: ["moonshotai/kimi-k2.6"] },
  },
  default: "moonshot/kimi-k2.6",
};
