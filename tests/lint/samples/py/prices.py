PRICES = {
    "kimi-k2.6": (0.95, 4.0),
    "kimi-k2-0711-preview": (0.6, 2.5),
    "moonshotai/kimi-k2.6": (0.95, 4.0),
}
def price(model):
    return PRICES[model]
