const OpenAI = require("openai");
const kimi = new OpenAI({ apiKey: process.env.MOONSHOT_API_KEY, baseURL: "https://api.moonshot.ai/v1" });

kimi.chat.completions.create({
  model: "kimi-k2.6",
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: "https://cdn.example.com/a.jpg" } },
      ],
    },
  ],
});
