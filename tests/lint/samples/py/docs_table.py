ROWS = [
    ("kimi-k2.6", 262144, "live"),
    ("kimi-k2-0711-preview", 131072, "retired 2026-05-25"),
]
CONTEXT = {"kimi-k2-thinking": 262144, "moonshot-v1-8k": 8192}
