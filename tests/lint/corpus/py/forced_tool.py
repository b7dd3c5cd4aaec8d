import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
TOOLS = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}]

client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "Find it."}],
    tools=TOOLS,
    tool_choice="required",
)
