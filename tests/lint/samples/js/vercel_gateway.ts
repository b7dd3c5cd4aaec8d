import { generateText } from "ai";
const r = await generateText({ model: "moonshotai/kimi-k2.6", prompt: "hi" });
