import OpenAI from "openai";

const client = new OpenAI({ apiKey: process.env.MOONSHOT_API_KEY, baseURL: "https://api.moonshot.ai/v1" });
const answer = await client.chat.completions.create({
  model: "kimi-k2.6", // not moonshotai/kimi-k2.6: that is OpenRouter's
  messages: [{ role: "user", content: "hi" }],
});
