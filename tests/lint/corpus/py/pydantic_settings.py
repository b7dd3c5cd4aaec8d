from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    llm_base_url: str = Field("https://openrouter.ai/api/v1", alias="LLM_BASE_URL")
    llm_model: str = Field("moonshotai/kimi-k2.6", alias="LLM_MODEL")
    fallback_model: str = Field("kimi-k2.6:free", alias="LLM_FALLBACK")
