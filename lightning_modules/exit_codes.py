"""The exit codes of every program of this project, by which launchers know how a run ended."""

DONE = 0
FAILED = 1  # a run that diverged, too: its record is there
BAD_INPUT = 2  # one line on stderr says what to change
BUSY = 3  # another process is at this run
LOST = 4  # this process slept for so long that another one took the run over
TERMINATED = 143  # told to stop, as by SIGTERM; progress is saved
