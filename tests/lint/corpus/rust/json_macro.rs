let body = serde_json::json!({
    "model": "kimi-k2.6",
    "messages": [{"role": "user", "content": prompt}],
});
let res = client.post("https://openrouter.ai/api/v1/chat/completions").json(&body).send().await?;
