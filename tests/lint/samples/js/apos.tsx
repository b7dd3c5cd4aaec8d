export function Page() {
  return <p>Don't use kimi-k2-0711-preview, it's retired.</p>;
}
const client = new OpenAI({ baseURL: 'https://api.moonshot.ai/v1', apiKey: process.env.MOONSHOT_API_KEY! });
const r = await client.chat.completions.create({ model: 'kimi-k2.6', messages: [], top_p: 0.8 });
