from openai import OpenAI

client = OpenAI(api_key="sk-your-moonshot-api-key", base_url="https://api.moonshot.ai/v1")
other = OpenAI(api_key="sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", base_url="https://api.moonshot.ai/v1")
third = OpenAI(api_key="$MOONSHOT_API_KEY", base_url="https://api.moonshot.ai/v1")
