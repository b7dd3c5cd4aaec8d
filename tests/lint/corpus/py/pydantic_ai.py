from pydantic_ai import Agent

good = Agent("moonshotai:kimi-k2.6", instructions="Be brief.")
bad = Agent("moonshotai:moonshotai/kimi-k2.6", instructions="Be brief.")
router = Agent("openrouter:moonshotai/kimi-k2.6")
router_bad = Agent("openrouter:kimi-k2.6")
