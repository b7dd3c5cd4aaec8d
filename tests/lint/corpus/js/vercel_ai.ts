import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const moonshot = createOpenAICompatible({
  name: "moonshot",
  baseURL: "https://api.moonshot.ai/v1",
  apiKey: process.env.MOONSHOT_API_KEY,
});

const { text } = await generateText({ model: moonshot("kimi-k2.6"), prompt: "Say hello." });
const { text: other } = await generateText({ model: moonshot("kimi-k2-thinking"), prompt: "Say hello." });
