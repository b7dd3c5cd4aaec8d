export OPENAI_BASE_URL=https://api.moonshot.ai/v1
export OPENAI_API_KEY=$MOONSHOT_API_KEY
export OPENAI_MODEL=moonshot/kimi-k2-6
