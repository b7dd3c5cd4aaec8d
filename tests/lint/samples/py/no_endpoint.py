MODEL = "kimi-k2-0711-preview"
def run(llm):
    return llm.ask("hello", model=MODEL)
