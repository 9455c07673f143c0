"""``python -m cidmesa`` is the same as ``cidmesa``."""

import sys

from cidmesa.cli import main

if __name__ == "__main__":
    sys.exit(main())
