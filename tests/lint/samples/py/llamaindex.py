from llama_index.llms.openai_like import OpenAILike
llm = OpenAILike(model="moonshotai/kimi-k2.6", api_base="https://api.moonshot.ai/v1", api_key="...", is_chat_model=True)
