#!/usr/bin/env bash
body=$(cat <<'JSON'
{
  "model": "kimi-k2-turbo-preview",
  "messages": [{"role": "user", "content": "hi"}]
}
JSON
)
curl -sS "https://api.moonshot.ai/v1/chat/completions" -H "Authorization: Bearer ${MOONSHOT_API_KEY}" -d "$body"
