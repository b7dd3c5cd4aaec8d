import { Agent } from "@mastra/core/agent";
export const a = new Agent({ name: "x", instructions: "y", model: "openrouter/moonshotai/kimi-k2.6" });
