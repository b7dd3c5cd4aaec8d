import { createOpenRouter } from "@openrouter/ai-sdk-provider";

const openrouter = createOpenRouter({ apiKey: process.env.OPENROUTER_API_KEY });
export const fast = openrouter("moonshotai/kimi-k2.6:nitro");
export const wrong = openrouter("moonshotai/kimi-k2-6");
