"""Use kimi-k2-0711-preview? No: it was retired. See https://api.moonshot.com for nothing."""
# base_url="https://api.moonshot.com/v1", model="kimi-k2"
def f():
    """Call with model="moonshotai/kimi-k2.6" at https://api.moonshot.ai."""
    return None
