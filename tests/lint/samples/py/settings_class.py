from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    llm_base_url: str = "https://api.moonshot.ai/v1"
    llm_model: str = "moonshotai/kimi-k2.6"
    temperature: float = 0.2
settings = Settings()
