const OpenAI = require("openai");
const kimi = new OpenAI({ apiKey: process.env.MOONSHOT_API_KEY, baseURL: "https://api.moonshot.ai/v1" });

module.exports = (messages) =>
  kimi.chat.completions.create({
    model: "kimi-k2.6",
    messages,
    temperature: 0.2,
    tool_choice: "auto",
  });
