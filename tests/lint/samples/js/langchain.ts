import { ChatOpenAI } from "@langchain/openai";
export const llm = new ChatOpenAI({
  model: "moonshotai/kimi-k2.6",
  temperature: 0,
  apiKey: process.env.MOONSHOT_API_KEY,
  configuration: { baseURL: "https://api.moonshot.ai/v1" },
});
