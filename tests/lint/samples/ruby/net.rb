require "net/http"
URI_BASE = "https://api.moonshot.ai/v1"
MODEL = ENV["KIMI_MODEL"] || "moonshotai/kimi-k2.6"
def ask(q)
  Net::HTTP.post(URI("#{URI_BASE}/chat/completions"), { model: MODEL, messages: [], temperature: 0.2 }.to_json)
end
