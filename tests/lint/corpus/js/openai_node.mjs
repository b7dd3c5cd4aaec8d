import OpenAI from "openai";

const client = new OpenAI({
  apiKey: process.env.MOONSHOT_API_KEY,
  baseURL: "https://api.moonshot.ai/v1",
});

const answer = await client.chat.completions.create({
  model: "moonshotai/kimi-k2.6",
  messages: [{ role: "user", content: "hi" }],
});
console.log(answer.choices[0].message.content);
