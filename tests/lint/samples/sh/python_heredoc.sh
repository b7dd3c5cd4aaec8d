python3 - <<'PY'
from openai import OpenAI
c = OpenAI(base_url="https://api.moonshot.ai/v1")
c.chat.completions.create(model="kimi-latest", messages=[])
PY
