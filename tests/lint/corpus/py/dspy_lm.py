import dspy

lm = dspy.LM("openrouter/moonshotai/kimi-k2.6")
old = dspy.LM("moonshot/kimi-k2-0905-preview")
