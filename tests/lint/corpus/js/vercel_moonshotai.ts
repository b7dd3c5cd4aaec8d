import { moonshotai } from "@ai-sdk/moonshotai";
import { streamText } from "ai";

export const model = moonshotai("moonshotai/kimi-k2.6");
export const right = moonshotai("kimi-k2.6");
