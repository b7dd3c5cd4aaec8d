import signal
import subprocess
import sys

from moongate.engine.process import end, inherited, without_keys


def test_children_see_no_keys() -> None:
    seen = without_keys({"MOONSHOT_API_KEY": "a", "AIMLAPI_KEY": "b", "PATH": "/bin", "PIP_INDEX_URL": "c"})
    assert seen == {"PATH": "/bin", "PIP_INDEX_URL": "c"}
    assert "PATH" in inherited()


def test_end_lets_a_child_that_reads_its_input_finish_by_itself() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    end(child)
    assert child.returncode == 0


def test_end_kills_a_child_that_does_not_listen() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    end(child, grace_s=0.1)
    assert child.returncode == -signal.SIGKILL
    end(child)  # once more does no harm
