from enum import Enum
class MoonshotModel(str, Enum):
    K2_6 = "kimi-k2.6"
    K2_5 = "kimi-k2.5"
    THINKING = "kimi-k2-thinking"
