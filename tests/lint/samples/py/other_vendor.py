from openai import OpenAI
client = OpenAI(api_key="sk-proj-Zx8Qw7Er5Ty3Ui1Op9As6Df4Gh2Jk0LzXc7Vb5Nm3Qw1Er9", base_url="https://api.deepseek.com/v1")
client.chat.completions.create(model="deepseek-chat", temperature=0.3, messages=[])
# we moved away from kimi
