#!/bin/bash
curl https://api.moonshot.ai/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -d '{
    "model": "moonshotai/kimi-k2.6",
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.3
  }'
curl https://api.moonshot.ai/v1/models -H "Authorization: Bearer $OPENROUTER_API_KEY"
