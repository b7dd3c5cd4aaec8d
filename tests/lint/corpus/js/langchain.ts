import { ChatOpenAI } from "@langchain/openai";

export const llm = new ChatOpenAI({
  model: "kimi-k2-0905-preview",
  apiKey: process.env.MOONSHOT_API_KEY,
  configuration: { baseURL: "https://api.moonshot.ai/v1" },
});
