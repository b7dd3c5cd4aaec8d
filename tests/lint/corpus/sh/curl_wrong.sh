#!/usr/bin/env bash
set -euo pipefail

curl https://api.moonshot.ai/v1/chat/completions \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "moonshotai/kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}'
