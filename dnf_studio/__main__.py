"""``python -m dnf_studio`` is ``dnf-studio``, and what that starts."""

from __future__ import annotations

import os
import signal
import sys


def run() -> None:
    """Run the command line as a process of its own, which ends with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until the command line takes it, Ctrl-C ends the process without a traceback
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dnf_studio.cli import main, verb_of
    from dnf_studio.cli.output import INTERRUPTED

    code = main()
    if code == INTERRUPTED and verb_of(sys.argv[1:]):
        # Threads may be at work for a while that nobody waits for any more
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
