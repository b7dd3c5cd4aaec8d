import os
os.environ["MOONSHOT_API_KEY"] = "sk-test"
key = os.environ.get("MOONSHOT_API_KEY", "sk-00000000000000000000000000000000000000000000000")
headers = {"Authorization": "Bearer sk-kimi-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3kL5mN7pQ9"}
