http POST https://api.moonshot.ai/v1/chat/completions "Authorization: Bearer $MOONSHOT_API_KEY" model=kimi-k2.5 messages:='[]'
