"""Run the build steps of deploy/Containerfile in a plain environment, then what the image would run.

    python scripts/try_container.py

No container engine is needed, and none is tried: RUN steps of the build stage run here, with their paths below a
temporary folder; then the installed program serves, is asked by HEALTHCHECK's own command, and ends on STOPSIGNAL.
Exit code: 0 when all of that went well.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from moongate.settings.load import scrubbed
from moongate.testing import MoonshotServer

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "deploy" / "Containerfile"


def main() -> int:
    """Build, serve, ask, end."""
    with tempfile.TemporaryDirectory(prefix="moongate-container-") as text:
        folder = Path(text)
        copied(folder / "src")
        for step in steps():
            command = placed(step, folder).replace("python -m venv", f"{sys.executable} -m venv", 1)
            print(f"RUN {step}", flush=True)
            subprocess.run(["sh", "-ec", command], check=True)
        with MoonshotServer(models=["kimi-k2.6"]) as upstream:
            secret = folder / "secret"
            secret.write_text(upstream.key + "\n", "utf-8")
            table = f'provider = "moonshot"\nbase_url = "{upstream.base_url}"\nkey_file = "{secret}"\n'
            (folder / "config.toml").write_text(f"[gateway.upstreams.main]\n{table}", "utf-8")
            return served(folder)


def steps() -> list[str]:
    """Return the RUN steps of the first stage."""
    stage = FILE.read_text("utf-8").split("\nFROM ")[1]
    return [line.removeprefix("RUN ") for line in stage.splitlines() if line.startswith("RUN ")]


def instruction(name: str) -> str:
    """Return what follows an instruction of the last stage."""
    found = re.search(rf"^{name} (.*)$", FILE.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{FILE} has no {name}")
    return found[1]


def placed(command: str, folder: Path) -> str:
    """Return a command with the image's folders below ours."""
    return command.replace("/opt/moongate", f"{folder}/opt").replace("/src[", f"{folder}/src[")


def copied(place: Path) -> None:
    """Copy what is under version control, as a clean checkout has it."""
    place.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(place)], input=archive, check=True)


def served(folder: Path) -> int:
    """Run the entry point as the image would, on a free loopback port."""
    kept = {f"MOONGATE_{kind.upper()}_DIR": str(folder / kind) for kind in ("cache", "data")}
    env = scrubbed() | kept | {"MOONGATE_CONFIG_DIR": str(folder)}
    (entry,) = json.loads(placed(instruction("ENTRYPOINT"), folder))
    serve = [*json.loads(instruction("CMD")), "--port", "0", "--json"]
    for words in ("accounts create me --balance 10", "keys create me --json"):
        subprocess.run([entry, *words.split()], env=env, check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([entry, *serve], env=env, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout is not None else ""
    port = json.loads(line)["base_url"].rpartition(":")[2].partition("/")[0]
    check = json.loads(placed(instruction("HEALTHCHECK CMD"), folder))
    asked = subprocess.run([*check[:2], check[2].replace("8686", port)], env=env | {"NO_PROXY": "*"})
    process.send_signal(getattr(signal, instruction("STOPSIGNAL")))
    ended = process.wait(timeout=30)
    print(f"health check: {asked.returncode}; ended with {ended}")
    return asked.returncode or ended


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main())
