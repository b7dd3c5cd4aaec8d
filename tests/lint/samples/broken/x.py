from openai import OpenAI
client = OpenAI(base_url="https://api.moonshot.ai/v1"
print "hello"
client.chat.completions.create(model="kimi-k2-0711-preview")
