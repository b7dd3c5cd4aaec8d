"""Simon Willison's `llm` on the command line: chat, stream, tools, a wrong id.

It neither sends `reasoning_content` back nor takes a field that turns thinking off: tools need a model that does not
think.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

MODELS = """
- model_id: right
  model_name: kimi-k2.6
  api_base: {url}
  api_key_name: gateway
- model_id: tools
  model_name: moonshot-v1-8k
  api_base: {url}
  api_key_name: gateway
  supports_tools: true
- model_id: wrong
  model_name: kimi-k2-6
  api_base: {url}
  api_key_name: gateway
"""
LOOK = 'def look(place: str = "") -> str:\n    "Look at a place."\n    return "rain"\n'
folder = Path(tempfile.mkdtemp(prefix="llm-"))
(folder / "extra-openai-models.yaml").write_text(MODELS.format(url=os.environ["GATEWAY_URL"]))
keys = folder / "keys.json"
keys.touch(mode=0o600)
keys.write_text(json.dumps({"gateway": os.environ["GATEWAY_KEY"]}))
llm = str(Path(sys.executable).with_name("llm"))


def run(*arguments, check=True):
    return subprocess.run(
        [llm, *arguments],
        env=os.environ | {"LLM_USER_PATH": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=check,
    )


plain = run("-m", "right", "--no-stream", "hello").stdout.strip()
streamed = run("-m", "right", "hello again").stdout.strip()
tool = run("-m", "tools", "--functions", LOOK, "look outside").stdout.strip()
wrong = run("-m", "wrong", "--no-stream", "hello", check=False).stderr
print(
    json.dumps(
        {
            "client": f"llm {version('llm')}",
            "chat": plain,
            "stream": streamed,
            "tool": tool,
            "refused": "kimi-k2.6" if "'kimi-k2.6'" in wrong else wrong,
        }
    )
)
