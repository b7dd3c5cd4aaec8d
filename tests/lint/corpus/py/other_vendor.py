import os
from anthropic import Anthropic
from openai import OpenAI

openai_client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])
claude = Anthropic()

openai_client.chat.completions.create(model="gpt-4o", temperature=0.3, messages=[])
claude.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=[])
