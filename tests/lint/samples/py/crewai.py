from crewai import LLM, Agent
llm = LLM(model="moonshot/kimi-k2.6-thinking", base_url="https://api.moonshot.ai/v1")
ok = LLM(model="openrouter/moonshotai/kimi-k2.6")
