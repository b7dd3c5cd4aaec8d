import OpenAI from "openai";
const client = new OpenAI({
  apiKey: process.env.MOONSHOT_API_KEY,
  baseURL: "https://api.moonshot.ai/v1",
});
export async function ask(prompt: string): Promise<string> {
  const completion = await client.chat.completions.create({
    model: "kimi-k2-thinking-turbo",
    messages: [{ role: "user", content: prompt }],
    temperature: 0.3,
  });
  return completion.choices[0].message.content ?? "";
}
