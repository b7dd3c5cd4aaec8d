import dspy
lm = dspy.LM("openrouter/moonshotai/kimi-k2.6", api_key=KEY)
lm2 = dspy.LM("moonshot/kimi-k2-turbo-preview")
