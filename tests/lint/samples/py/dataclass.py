from dataclasses import dataclass, field
@dataclass(frozen=True)
class LLMConfig:
    """Settings of the model."""
    api_key: str
    base_url: str = "https://openrouter.ai/api/v1"
    model: str = "moonshot/kimi-k2-6"
    fallbacks: list[str] = field(default_factory=lambda: ["moonshotai/kimi-k2.6", "kimi-k2.6"])
