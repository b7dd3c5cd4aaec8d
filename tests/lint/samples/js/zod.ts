import { z } from "zod";
export const schema = z.object({
  KIMI_MODEL: z.string().default("kimi-k2-0905-preview"),
  KIMI_BASE_URL: z.string().url().default("https://api.moonshot.ai/v1"),
});
