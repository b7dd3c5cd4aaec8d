const baseURL = process.env.MOONSHOT_BASE_URL ?? "https://api.moonshot.ai/v1";
const model = process.env.KIMI_MODEL || "Kimi-K2.6";

export async function chat(messages: Message[]) {
  const res = await fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.MOONSHOT_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages }),
  });
  return res.json();
}
