const client = new OpenAI({ apiKey: process.env.MOONSHOT_API_KEY, baseURL: "https://api.moonshot.ai/v1" });
async function ask(messages) {
  for (let i = 0; i < 10; i++) {
    try {
      return await client.chat.completions.create({ model: "kimi-k2.6", messages });
    } catch (err) {
      if (err.status === 429) {
        await sleep(1000 * i);
        continue;
      }
      throw err;
    }
  }
}
