curl -X POST https://api.moonshot.ai/chat/completions -H "Authorization: Bearer ${MOONSHOT_API_KEY}" -d @- <<'JSON'
{"model": "kimi-k2.6", "messages": [], "n": 2}
JSON
