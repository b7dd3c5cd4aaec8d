HELP = """
Set model to kimi-k2.6. Older guides say kimi-k2-0711-preview or moonshotai/kimi-k2.6;
neither works at https://api.moonshot.ai/v1 any more.
"""
print(HELP)
