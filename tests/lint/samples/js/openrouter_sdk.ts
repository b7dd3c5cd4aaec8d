import { OpenRouter } from "@openrouter/sdk";
const openRouter = new OpenRouter({ apiKey: process.env.OPENROUTER_API_KEY });
const completion = await openRouter.chat.send({ model: "kimi-k2.6", messages: [] });
