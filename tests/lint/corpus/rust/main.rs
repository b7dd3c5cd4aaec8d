use async_openai::{config::OpenAIConfig, types::CreateChatCompletionRequestArgs, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = OpenAIConfig::new()
        .with_api_base("https://api.moonshot.ai/v1")
        .with_api_key(std::env::var("MOONSHOT_API_KEY")?);
    let client = Client::with_config(config);
    let request = CreateChatCompletionRequestArgs::default()
        .model("Kimi-K2.6")
        .messages(vec![])
        .build()?;
    let _ = client.chat().create(request).await?;
    Ok(())
}
