#!/bin/sh
curl https://openrouter.ai/api/v1/chat/completions \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -d '{"model": "moonshotai/kimi-k2.6", "messages": []}'
