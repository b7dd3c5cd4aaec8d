from dataclasses import dataclass


@dataclass
class KimiSettings:
    base_url: str = "https://api.moonshot.ai/v1"
    model: str = "kimi-k2.5"
    timeout: float = 60.0
