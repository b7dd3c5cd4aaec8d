#!/usr/bin/env bash
BASE_URL="${MOONSHOT_BASE_URL:-https://api.moonshot.ai/v1}"
MODEL="${KIMI_MODEL:-kimi-k2.6-thinking}"

curl -sS "$BASE_URL/chat/completions" \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -d "{\"model\": \"$MODEL\", \"messages\": []}"
