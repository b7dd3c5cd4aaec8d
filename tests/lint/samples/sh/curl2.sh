MODEL="kimi-k2.6"
curl -s "https://openrouter.ai/api/v1/chat/completions" -H "Authorization: Bearer $OPENROUTER_API_KEY" -d "{\"model\": \"$MODEL\", \"messages\": []}"
