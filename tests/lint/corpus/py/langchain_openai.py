import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    model="kimi-k2-thinking",
    openai_api_key=os.environ["MOONSHOT_API_KEY"],
    openai_api_base="https://api.moonshot.ai/v1",
)
