cat > .env <<EOF
OPENAI_BASE_URL=https://openrouter.ai/api/v1
OPENAI_MODEL=kimi-k2.6
EOF
