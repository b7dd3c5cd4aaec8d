from langchain_community.chat_models.moonshot import MoonshotChat

chat = MoonshotChat(model="moonshot-v1-32k")
newer = MoonshotChat(model="kimi-k2.6")
