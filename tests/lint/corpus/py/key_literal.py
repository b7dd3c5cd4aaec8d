from openai import OpenAI

client = OpenAI(
    api_key="sk-Jq3vT0yWm8Zr4KxN1uBcE7hLpA5sGdFoI2kVnYtRe9QwXz6M",
    base_url="https://api.moonshot.ai/v1",
)
