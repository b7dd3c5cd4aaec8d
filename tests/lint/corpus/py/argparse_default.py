import argparse
import os

from openai import OpenAI

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="kimi-k2-turbo-preview")
parser.add_argument("--base-url", default="https://api.moonshot.ai/v1")
args = parser.parse_args()

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url=args.base_url)
print(client.chat.completions.create(model=args.model, messages=[{"role": "user", "content": "hi"}]))
