require "openai"
client = OpenAI::Client.new(
  access_token: ENV.fetch("MOONSHOT_API_KEY"),
  uri_base: "https://api.moonshot.ai/v1"
)
response = client.chat(
  parameters: {
    model: "kimi-k2-0905-preview",
    messages: [{ role: "user", content: "Hello!" }],
    temperature: 0.7
  }
)
