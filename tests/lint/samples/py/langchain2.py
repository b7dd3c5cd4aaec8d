from langchain_openai import ChatOpenAI
llm = ChatOpenAI(model_name="kimi-k2.6", base_url="https://api.moonshot.ai/v1", temperature=0)
from langchain_community.chat_models.moonshot import MoonshotChat
chat = MoonshotChat(model="moonshot-v1-8k")
