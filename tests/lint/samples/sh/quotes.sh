set -euo pipefail
MODEL=${1:-kimi-k2-0905-preview}
BASE=${MOONSHOT_BASE_URL:-https://api.moonshot.ai/v1}
curl -sS "$BASE/chat/completions" -H "Authorization: Bearer $MOONSHOT_API_KEY" -H 'content-type: application/json' \
  --data '{"model": "'"$MODEL"'", "messages": [{"role": "user", "content": "it'"'"'s"}]}' | jq .
echo "kimi-k2-0711-preview is gone"
