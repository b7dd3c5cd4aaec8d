"""Talks to the model named in settings.

History: we used kimi-k2-0711-preview until May, then kimi-k2.5; both were retired at api.moonshot.ai.
Never write moonshotai/kimi-k2.6 here: that is OpenRouter's spelling.
"""

from app.settings import settings

# model="kimi-k2.6-thinking" never existed


def model_name() -> str:
    return settings.model
