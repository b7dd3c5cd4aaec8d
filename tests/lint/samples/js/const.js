const MODEL = process.env.MODEL || "kimi-k2.6";
const BASE = process.env.OPENROUTER_BASE_URL ?? "https://openrouter.ai/api/v1";
const openai = new OpenAI({ baseURL: BASE, apiKey: process.env.OPENROUTER_API_KEY });
async function run() { return openai.chat.completions.create({ model: MODEL, messages: [] }); }
