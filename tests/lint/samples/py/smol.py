from smolagents import OpenAIServerModel, LiteLLMModel
a = OpenAIServerModel(model_id="kimi-k2", api_base="https://api.moonshot.ai/v1", api_key=KEY)
b = OpenAIServerModel(model_id="moonshotai/kimi-k2.6", api_base="https://openrouter.ai/api/v1", api_key=KEY)
