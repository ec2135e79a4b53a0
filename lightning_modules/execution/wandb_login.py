"""Whether W&B can be used from here, as its own client judges.

Asked in a process of its own, because the client may wait for minutes for a server that never answers, and because a
login has many forms that only the client knows: netrc files, settings files, tokens, hosts of one's own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The client's import takes three of a free core, and its own patience with a server is ten.
ANSWER_SECONDS = 40
ONLINE = ("online", "run")  # modes, as the client names them


def refusal() -> str | None:
    """Return why a run cannot be online, in words that follow "because"; None if it can. Takes ANSWER_SECONDS at most."""
    if (mode := os.environ.get("WANDB_MODE", ONLINE[0])) not in ONLINE:
        return f"WANDB_MODE is `{mode}`"
    try:
        process = subprocess.run(
            [sys.executable, "-P", __file__],  # -P: no module of this folder stands in for another's
            check=False,
            env=os.environ | {"WANDB_SILENT": "true"},
            stdin=subprocess.DEVNULL,  # so that the client cannot ask for a key
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"its server did not answer within {ANSWER_SECONDS} seconds"
    answers = process.stdout.splitlines()
    if process.returncode or not answers:
        return f"its client failed ({(process.stderr.strip().splitlines() or ['without a word'])[-1]})"
    return json.loads(answers[-1])


class Unreachable(Exception):
    """W&B does not answer, or not as expected; the message is one line."""


@contextmanager
def answering() -> Iterator[None]:
    """Raise Unreachable for whatever W&B's client raises: its own kinds, those of requests and pydantic, plain ones."""
    try:
        yield
    except Exception as error:
        raise Unreachable(" ".join(str(error).split()) or type(error).__name__) from error


def _ask() -> str | None:
    import wandb

    try:
        with answering():
            if (mode := wandb.setup().settings.mode) not in ONLINE:
                return f"its settings say `{mode}`"
            if wandb.login(verify=True):
                return None
    except Unreachable as error:
        # UsageError: no key, and nobody to ask for one
        if not isinstance(error.__cause__, wandb.errors.UsageError):
            return f"its server does not let this machine in, or is out of reach ({error})"
    return "its client has no login (run `uv run wandb login` once, or set WANDB_API_KEY)"


if __name__ == "__main__":
    print(json.dumps(_ask()))
