import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model="kimi-k2.6", api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
chain = prompt | llm | parser
