#!/bin/sh
BASE_URL="https://api.moonshot.com/v1"
MODEL="kimi-k2.6"
exec curl -fsS "$BASE_URL/chat/completions" -H "Authorization: Bearer ${MOONSHOT_API_KEY:?}" -d "$(jq -n --arg m "$MODEL" '{model: $m, messages: []}')"
