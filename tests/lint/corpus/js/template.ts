const HOST = "https://api.moonshot.ai";
export const listUrl = `${HOST}/v1/models`;
export const chatUrl = `${HOST}/v1/chat/completions`;
export const body = { model: "kimi-k3", messages: [] };
