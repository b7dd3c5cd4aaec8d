import OpenAI from "openai";
const client = new OpenAI({ baseURL: "https://api.moonshot.ai/v1", apiKey: process.env.MOONSHOT_API_KEY });
await client.chat.completions.create({
  model: "kimi-k2.6",
  tool_choice: { type: "function", function: { name: "see" } },
  messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://example.org/a.png" } }] }],
});
