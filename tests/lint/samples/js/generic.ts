const client = createClient<Config>({ baseURL: "https://api.moonshot.ai/v1" });
const out = await client.generate<Answer>({ model: "kimi-k2", prompt: "hi" });
