const re = /["'`]/g;
const s = "x".replace(/'/g, "\\'");
const client = new OpenAI({ baseURL: "https://api.moonshot.ai/v1" });
client.chat.completions.create({ model: "kimi-k2.5" });
