"""``python -m dnf_studio`` is ``dnf-studio``."""

from __future__ import annotations

import sys

from dnf_studio.cli import main

if __name__ == "__main__":
    sys.exit(main())
