const res = await fetch("https://api.moonshot.ai/v1/chat/completions", {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.MOONSHOT_API_KEY}`, "Content-Type": "application/json" },
  body: JSON.stringify({ model: "Kimi-K2.6", messages: [{ role: "user", content: "don't" }] }),
});
