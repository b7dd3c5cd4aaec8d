from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.utils import Secret
gen = OpenAIChatGenerator(api_key=Secret.from_env_var("MOONSHOT_API_KEY"), model="Kimi-K2.6", api_base_url="https://api.moonshot.ai/v1", generation_kwargs={"temperature": 0.2})
