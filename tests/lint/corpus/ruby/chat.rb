require "openai"

client = OpenAI::Client.new(
  access_token: ENV.fetch("MOONSHOT_API_KEY"),
  uri_base: "https://api.moonshot.ai/v1"
)

client.chat(parameters: {
  model: "kimi-k2-0905-preview",
  messages: [{ role: "user", content: "hi" }],
})
