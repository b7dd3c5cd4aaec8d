#[derive(Serialize)]
struct Req<'a> { model: &'a str, temperature: f32 }
const BASE: &str = "https://api.moonshot.ai/v1";
async fn ask(key: &str) -> anyhow::Result<()> {
    let req = Req { model: "kimi-k2-0711-preview", temperature: 1.0 };
    let resp = reqwest::Client::new().post(format!("{BASE}/chat/completions")).bearer_auth(key).json(&req).send().await?;
    Ok(())
}
