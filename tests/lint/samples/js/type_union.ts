export type KimiModel = "kimi-k2.6" | "kimi-k2.5" | "kimi-k3";
export interface Options { model: KimiModel; temperature?: number }
