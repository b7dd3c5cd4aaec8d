#!/bin/sh
curl -s https://api.moonshot.ai/v1/chat/completions \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}'

curl -s https://openrouter.ai/api/v1/chat/completions \
  -H "Authorization: Bearer $OPENROUTER_API_KEY" \
  -d '{"model": "moonshotai/kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}'
