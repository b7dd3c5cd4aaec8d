curl https://api.moonshot.ai/v1/chat/completions \
  -H "Authorization: Bearer $MOONSHOT_API_KEY" \
  -d '{
    "model": "kimi-k2.6",
    "temperature": 0.7,
    "messages": [{"role": "user", "content": "hi"}]
  }'
