from langchain_openai import ChatOpenAI
import os
llm = ChatOpenAI(
    model="moonshotai/kimi-k2.6",
    openai_api_base="https://api.moonshot.ai/v1",
    openai_api_key=os.environ["MOONSHOT_API_KEY"],
    temperature=0,
)
