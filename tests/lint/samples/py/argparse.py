import argparse, os
from openai import OpenAI
p = argparse.ArgumentParser()
p.add_argument("--base-url", default="https://api.moonshot.ai/v1")
p.add_argument("--model", default="kimi-k2-turbo-preview")
args = p.parse_args()
client = OpenAI(base_url=args.base_url, api_key=os.environ["MOONSHOT_API_KEY"])
client.chat.completions.create(model=args.model, messages=[])
