export OPENAI_BASE_URL=https://api.moonshot.ai
export OPENAI_API_KEY=$MOONSHOT_API_KEY
export OPENAI_MODEL=kimi-k2-0711-preview
aider --model openrouter/moonshotai/kimi-k2.6
