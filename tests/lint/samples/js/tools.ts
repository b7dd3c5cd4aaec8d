const client = new OpenAI({ apiKey: process.env.MOONSHOT_API_KEY, baseURL: "https://api.moonshot.ai/v1" });
async function turn(messages: any[], tools: any[]) {
  const { choices } = await client.chat.completions.create({ model: "kimi-k2.6", messages, tools });
  const m = choices[0].message;
  messages.push({ role: "assistant", content: m.content, tool_calls: m.tool_calls });
}
