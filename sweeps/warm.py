"""Runs that start warm: one process imports everything once, and every run is a fork of it.

Importing torch, Lightning and wandb takes 5 s of a core, as long as a small run itself; a fork has it all at once.
Otherwise it is a process like any other: it fails, is killed and saves on its own, and its threads and its use of a
GPU begin in it, not in the process that it is a fork of, whose only thread waits.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from lightning_modules.execution import environment
from lightning_modules.exit_codes import TERMINATED

# What a run would import; a run imports for itself whatever else it needs.
IMPORTS = ["lightning_modules.training", "lightning_modules.data.module", "wandb.wandb_run"]


def share_niceness(pid: int) -> None:
    """Give the session of a process this process's niceness.

    Linux shares the cores between sessions first, and lets niceness count only within one (sched(7), autogroups).
    """
    with suppress(OSError):  # another system, or one without autogroups
        Path(f"/proc/{pid}/autogroup").write_text(str(os.nice(0)))


class WarmProcess:
    """The launcher's end. One run at a time: `start`, then `wait`; the process starts with the first run.

    A process that has died, by lack of memory say, costs the run under way; the next run starts another.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        # OpenBLAS would start its threads on import; a run's linear algebra is torch's own.
        self.environment = environment | {"OPENBLAS_NUM_THREADS": "1"}
        self.process: subprocess.Popen | None = None

    def start(self, command: list[str], log: Path) -> "WarmProcess":
        """Run a Python program with its arguments; `log` takes its output, appended."""
        process = self.process
        if process is None or process.poll() is not None:
            with open(log, "a", encoding="utf-8") as output:  # an import that fails is told there
                # A session of its own, so that Ctrl-C reaches only the launcher, which lets the runs save.
                process = self.process = subprocess.Popen(
                    [sys.executable, "-m", "sweeps.warm", *IMPORTS],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    bufsize=0,
                    env=self.environment,
                    start_new_session=True,
                )
                share_niceness(process.pid)
        assert process.stdin
        with suppress(BrokenPipeError):  # `wait` tells
            process.stdin.write(json.dumps({"command": command, "log": str(log)}).encode() + b"\n")
        return self

    def wait(self) -> int:
        """Return the exit code of the run, negative for a signal."""
        assert self.process and self.process.stdout, "wait comes after start"
        answer = self.process.stdout.readline()
        return int(answer) if answer else self.process.wait()

    def terminate(self) -> None:
        """Send SIGTERM to the run, or to the process where there is none yet."""
        if self.process is not None:
            self.process.terminate()

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.communicate()


class Server:
    """The process's own end: forks for every line of its input, and answers with the exit code."""

    def __init__(self) -> None:
        self.child: int | None = None
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_) -> None:
        """Pass SIGTERM on to the run; also when the launcher is killed, as `end_with_parent` has it: then the input ends too."""
        if self.child is None:
            os._exit(TERMINATED)
        with suppress(ProcessLookupError):  # over at this moment
            os.kill(self.child, signal.SIGTERM)

    def serve(self) -> None:
        # Whatever an import or a run prints, answers go another way.
        answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for line in sys.stdin:
            job = json.loads(line)
            # No signal between the fork and the knowledge of it.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            self.child = os.fork()
            if not self.child:
                answers.close()
                return become(**job)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            _, status = os.waitpid(self.child, 0)
            self.child = None
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def become(command: list[str], log: str) -> None:
    """Be `python *command` from here on, which ends this process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    for stream, path, mode in ((sys.stdin, os.devnull, os.O_RDONLY), (sys.stdout, log, os.O_WRONLY)):
        file = os.open(path, mode | (os.O_APPEND | os.O_CREAT if path == log else 0))
        os.dup2(file, stream.fileno())
        os.close(file)
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    server = Server()
    environment.end_with_parent()
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()  # a collection in a run would copy all the memory that it shares
    server.serve()
