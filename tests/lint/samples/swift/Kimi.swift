let config = OpenAI.Configuration(token: key, host: "api.moonshot.ai", basePath: "/v1")
let query = ChatQuery(messages: [], model: "moonshotai/kimi-k2.6")
