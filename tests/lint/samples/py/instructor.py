import instructor, os
from openai import OpenAI
client = instructor.from_openai(OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"]))
client.chat.completions.create(model="kimi-k2", response_model=User, messages=[])
