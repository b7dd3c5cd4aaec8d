fn body<'a>(x: &'a str) -> Value {
    let url = format!("{}/chat/completions", "https://api.moonshot.ai/v1");
    let body = json!({ "model": "kimi-k2.6", "temperature": 0.2, "messages": [] });
    client.post("https://api.moonshot.ai/v1/chat/completions").json(&body).send()
}
