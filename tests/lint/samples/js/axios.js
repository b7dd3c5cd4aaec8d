const axios = require("axios");
const api = axios.create({ baseURL: "https://openrouter.ai/api/v1", headers: { Authorization: `Bearer ${process.env.OPENROUTER_API_KEY}` } });
module.exports.ask = (q) => api.post("/chat/completions", { model: "kimi-k2.6", messages: [{ role: "user", content: q }] });
