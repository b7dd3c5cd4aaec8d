const OpenAI = require("openai");

const client = new OpenAI({
  baseURL: "https://api.moonshot.ai/v1",
  apiKey: process.env.OPENROUTER_API_KEY,
});
