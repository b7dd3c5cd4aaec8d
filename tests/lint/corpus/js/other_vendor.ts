import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic();
export const MODEL = "claude-sonnet-4-5";
// We tried kimi-k2-0905-preview for this and went back.
