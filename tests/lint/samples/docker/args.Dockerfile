ARG MODEL=kimi-k2-thinking
ENV OPENAI_BASE_URL="https://api.moonshot.ai/v1"
RUN pip install kimi-cli && echo "kimi-k2-0711-preview" > /dev/null
ENV MOONSHOT_API_KEY=sk-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3
