async function ask(prompt) {
  const response = await fetch("https://openrouter.ai/api/v1/chat/completions", {
    method: "POST",
    headers: { Authorization: `Bearer ${process.env.OPENROUTER_API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      model: "kimi-k2.6",
      messages: [{ role: "user", content: prompt }],
    }),
  });
  return (await response.json()).choices[0].message.content;
}
module.exports = { ask };
