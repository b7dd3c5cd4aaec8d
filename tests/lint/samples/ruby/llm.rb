RubyLLM.configure do |config|
  config.openrouter_api_key = ENV["OPENROUTER_API_KEY"]
end
chat = RubyLLM.chat(model: "moonshotai/kimi-k2.6", provider: :openrouter)
