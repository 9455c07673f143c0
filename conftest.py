"""Doctests that need a program which is not installed are not collected; ``make setup`` installs them all."""

from importlib.util import find_spec

collect_ignore = [f"cidmesa/interop/{name}.py" for name in ("causallearn", "pgmpy", "pycid") if find_spec(name) is None]
