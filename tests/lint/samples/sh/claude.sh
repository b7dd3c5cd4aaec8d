export ANTHROPIC_BASE_URL=https://api.moonshot.ai/anthropic
export ANTHROPIC_AUTH_TOKEN=$MOONSHOT_API_KEY
export ANTHROPIC_MODEL=kimi-k2.6
export ANTHROPIC_SMALL_FAST_MODEL=kimi-k2-turbo-preview
