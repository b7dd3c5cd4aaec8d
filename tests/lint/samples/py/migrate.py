RENAMES = {"kimi-k2-0711-preview": "kimi-k2.6", "kimi-latest": "kimi-k2.6"}
def upgrade(model: str) -> str:
    if model.startswith("kimi-k2-0905"):
        return "kimi-k2.6"
    if model in ("kimi-k2.5", "kimi-thinking-preview"):
        raise ValueError(f"{model} is retired, use kimi-k2.6")
    return RENAMES.get(model, model)
