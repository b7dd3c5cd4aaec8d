import express from "express";
const KIMI = { url: "https://api.moonshot.ai/v1/chat/completions", model: "kimi-k2-thinking" };
app.post("/ask", async (req, res) => {
  const r = await fetch(KIMI.url, { method: "POST", body: JSON.stringify({ model: KIMI.model, messages: req.body.messages }) });
  if (r.status === 429) { await new Promise((ok) => setTimeout(ok, 1000)); return retry(req, res); }
  res.json(await r.json());
});
