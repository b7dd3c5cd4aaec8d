"""Run the pre-commit hooks in a real pre-commit, and the steps of the GitHub Action in bash, each as it would be.

    python scripts/hooks.py

Both install moongate from a clone of what is committed here, into environments that are thrown away. The checks are
assertions; the exit code is 1 when one fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from moongate.testing import MoonshotServer

ROOT = Path(__file__).resolve().parent.parent
LOCK = 'version = 1\n\n[aliases]\nbest = { moonshot = "kimi-k2.6" }\n'
CALL = (
    "from openai import OpenAI\n\n"
    'client = OpenAI(base_url="https://api.moonshot.ai/v1")\n'
    'client.chat.completions.create(model="{}", messages=[])\n'
)
READ = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"


def run(*command: str | Path, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed."""
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def project(folder: Path, env: dict[str, str]) -> Path:
    """Return a repository with a good call and a good lock in it, both staged."""
    folder.mkdir()
    run("git", "init", "--quiet", cwd=folder, env=env)
    (folder / "app.py").write_text(CALL.format("kimi-k2.6"))
    (folder / "moongate.lock").write_text(LOCK)
    run("git", "add", "--all", cwd=folder, env=env)
    return folder


def check(what: str, holds: bool, ran: subprocess.CompletedProcess[str]) -> None:
    """Say whether something holds, and stop where it does not."""
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        raise SystemExit(f"exit code {ran.returncode}\n{ran.stdout}\n{ran.stderr}")


def hooks(tools: Path, folder: Path, env: dict[str, str]) -> None:
    """Try both hooks on good files, then on bad ones."""

    def tried(hook: str) -> subprocess.CompletedProcess[str]:
        command = (tools / "bin" / "pre-commit", "try-repo", ROOT, hook, "--all-files", "--verbose")
        return run(*command, cwd=folder, env=env)

    for hook in ("moongate-lint", "moongate-verify"):
        ran = tried(hook)
        check(f"pre-commit: {hook} passes good files", ran.returncode == 0 and "Passed" in ran.stdout, ran)
    (folder / "app.py").write_text(CALL.format("moonshotai/kimi-k2.6"))
    ran = tried("moongate-lint")
    check("pre-commit: moongate-lint names a foreign id", ran.returncode == 1 and "MG002" in ran.stdout, ran)
    (folder / "moongate.lock").write_text(LOCK.replace("}", "", 1))
    ran = tried("moongate-verify")
    check("pre-commit: moongate-verify names a broken lock", ran.returncode == 1 and "line 4" in ran.stdout, ran)


def action(tools: Path, folder: Path, env: dict[str, str]) -> None:
    """Run the steps of action.yml as a runner would: in bash -e, with the inputs in their environment."""
    import json

    found = run(tools / "bin" / "python", "-c", READ, ROOT / "action.yml", cwd=ROOT, env=env)
    declared = json.loads(found.stdout)
    install, lint, verify = declared["runs"]["steps"]
    inputs = {f"INPUT_{name.upper()}": field["default"] for name, field in declared["inputs"].items()}
    env = env | inputs | {"INPUT_PYTHON": sys.executable, "RUNNER_TEMP": str(folder.parent)}
    env |= {"GITHUB_ACTION_PATH": str(clone(folder.parent / "action", env))}

    def step(steps: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
        command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps["run"])
        return run(*command, cwd=folder, env=env | more)

    ran = step(install)
    check("action: installs", ran.returncode == 0, ran)
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        keys = {"MOONSHOT_API_KEY": server.key, "MOONSHOT_BASE_URL": server.base_url}
        ran = step(lint, **keys)
        check("action: lint passes", ran.returncode == 0, ran)
        ran = step(verify, **keys)
        check("action: verify passes", ran.returncode == 0, ran)
        (folder / "app.py").write_text(CALL.format("moonshotai/kimi-k2.6"))
        ran = step(lint, **keys)
        check("action: lint annotates", ran.returncode == 1 and "::error" in ran.stdout, ran)
        server.models = ["kimi-k3"]
        ran = step(verify, **keys)
        check("action: verify fails for what is gone", ran.returncode == 1 and "gone" in ran.stdout, ran)
    ran = step(verify, INPUT_STRICT="true")
    check("action: strict fails without a list", ran.returncode == 4, ran)


def clone(target: Path, env: dict[str, str]) -> Path:
    """Return a clone of what is committed, as a runner would fetch it."""
    run("git", "clone", "--quiet", ROOT, target, cwd=ROOT, env=env)
    return target


def main() -> int:
    """Build the tools, and try everything in folders that are thrown away."""
    if shutil.which("git") is None or shutil.which("bash") is None:
        raise SystemExit("git and bash are needed")
    with tempfile.TemporaryDirectory(prefix="moongate-hooks-") as name:
        folder = Path(name)
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("MOONSHOT_", "MOONGATE_", "GIT_"))}
        env = kept | {"PRE_COMMIT_HOME": str(folder / "pre-commit"), "HOME": str(folder)}
        venv.create(folder / "tools", with_pip=True)
        pip = (folder / "tools" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, "pre-commit>=4"], check=True)
        hooks(folder / "tools", project(folder / "hooked", env), env)
        action(folder / "tools", project(folder / "acted", env), env)
    return 0


if __name__ == "__main__":
    sys.exit(main())
