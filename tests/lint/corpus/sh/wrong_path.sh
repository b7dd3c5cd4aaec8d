#!/bin/sh
curl https://api.moonshot.ai/chat/completions \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -d '{"model": "kimi-k2.6", "messages": []}'
