from pydantic_ai import Agent
a = Agent("moonshotai:kimi-k2.6-thinking")
b = Agent("moonshotai:kimi-k2.6")
c = Agent("openrouter:moonshotai/kimi-k2.6")
d = Agent("openrouter:kimi-k2.6")
e = Agent("openai:gpt-4o")
