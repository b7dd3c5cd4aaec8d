module Kimi
  BASE_URL = "https://openrouter.ai/api/v1"
  MODEL = ENV.fetch("KIMI_MODEL", "moonshot/kimi-k2.6")
end
