use async_openai::{config::OpenAIConfig, Client};
const MODEL: &str = "kimi-k2.6";
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = OpenAIConfig::new()
        .with_api_key(std::env::var("OPENROUTER_API_KEY")?)
        .with_api_base("https://openrouter.ai/api/v1");
    let client = Client::with_config(config);
    let request = CreateChatCompletionRequestArgs::default()
        .model(MODEL)
        .messages([])
        .build()?;
    let response = client.chat().create(request).await?;
    Ok(())
}
