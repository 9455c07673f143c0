"""How long a call may take, and what it shows on the terminal meanwhile.

A :class:`Budget` is handed from a call to whatever it calls. Each loop that may be long asks it, item by item
(:meth:`Budget.each`), whether there is time left: past the budget the call ends with an
:class:`~cidmesa.errors.OutOfTimeError` that says what is too large and what would shrink it, or, where a part of the
answer is of use by itself, with that part, labelled as inexact. Nothing that a clock cut short is kept: whoever asks
again with more time gets the whole answer.

A loop far below that was handed none asks all budgets whose clock runs, :func:`check_time`.

Left to itself a call takes as long as it needs, so that no result depends on the machine; only at a prompt or in a
notebook, where somebody waits, does it stop after a minute (:data:`PATIENCE`). What takes longer than two seconds shows
itself on the terminal, and nothing where standard error is none: loops by a bar, and everything else, one long step
among it, by what it is doing and for how long (:class:`Watch`).

>>> ticks = iter(range(10))
>>> budget = Budget(3.0, clock=lambda: next(ticks))
>>> with budget:
...     for rule in budget.each(["a", "b", "c", "d", "e"], "listing rules", "let the decision observe less"):
...         print(rule)
Traceback (most recent call last):
    ...
cidmesa.errors.OutOfTimeError: listing rules was at 3 of 5 when budget=3 seconds were over: let the decision observe ...
"""

from __future__ import annotations

import math
import multiprocessing
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeAlias, TypeVar

from cidmesa.errors import NotApplicableError, OutOfTimeError

T = TypeVar("T")
P = ParamSpec("P")

Seconds: TypeAlias = "float | Literal['default'] | Budget | None"
"""What ``budget=`` takes: seconds, ``None`` for no limit, ``"default"`` for a minute where somebody waits, or a clock
that runs already.
"""

PATIENCE = 60.0
"""The seconds that a call may take at a prompt or in a notebook, if ``budget=`` does not say."""

QUIET = 2.0
"""The seconds after which a call shows its progress."""

OBSERVE_LESS = "let the decisions observe less, or give their observations fewer values"
"""What would make fewer rules, for errors."""

LOOK = 0.5
"""The seconds between two looks at what is running."""


class Budget:
    """Seconds for each call that it is given to; the clock runs inside ``with budget:``, from the outermost one on.

    Parameters
    ----------
    seconds
        How long a call may take; ``None`` for as long as it needs.
    clock
        What tells the time, in seconds.

    Examples
    --------
    >>> Budget(None).left, Budget(5.0).left  # no call is running
    (inf, inf)
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.doing = "working"
        self._clock = clock
        self._started = 0.0
        self._depth = 0

    @classmethod
    def of(cls, budget: Seconds) -> Budget:
        """Read what a caller gave as ``budget=``; a budget that is one already goes on running.

        Raises
        ------
        NotApplicableError
            Neither a positive number of seconds, nor ``None``, nor ``"default"``.

        Examples
        --------
        >>> Budget.of(2).seconds, Budget.of(None).seconds
        (2.0, None)
        >>> Budget.of(-1)
        Traceback (most recent call last):
            ...
        cidmesa.errors.NotApplicableError: budget= is a number of seconds above 0, or None for no limit; got -1.
        """
        if isinstance(budget, Budget):
            return budget
        if budget is None:
            return cls(None)
        if budget == "default":
            return cls(PATIENCE if somebody_waits() else None)
        if isinstance(budget, bool | str) or not _is_positive(budget):
            raise NotApplicableError(f"budget= is a number of seconds above 0, or None for no limit; got {budget!r}.")
        return cls(float(budget) if math.isfinite(budget) else None)

    def __enter__(self) -> Budget:
        if self._depth == 0:
            self._started = self._clock()
            _running.set((*_running.get(), self))
            if sees_progress():
                WATCH.begin(self)
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            _running.set(tuple([budget for budget in _running.get() if budget is not self]))
            WATCH.end(self)

    @contextmanager
    def lasting(self, budget: Seconds) -> Iterator[Budget]:
        """Let one call have another number of seconds.

        >>> usual = Budget(60.0)
        >>> with usual.lasting(None) as longer:
        ...     longer.left
        inf
        >>> usual.seconds
        60.0
        """
        before, self.seconds = self.seconds, Budget.of(budget).seconds
        try:
            with self:
                yield self
        finally:
            self.seconds = before

    @property
    def left(self) -> float:
        """The seconds that are left, infinite where there is no limit or no call is running."""
        if self.seconds is None or self._depth == 0:
            return math.inf
        return self.seconds - (self._clock() - self._started)

    @property
    def is_spent(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0

    def check(self, what: str, shrink: str, done: str = "") -> None:
        """Raise if no time is left, here or to a call that this one is part of.

        Parameters
        ----------
        what
            What takes so long, as the subject of a sentence: "listing rules".
        shrink
            What would make it smaller, as an instruction: "let the decisions observe less".
        done
            How far it came: "3 of 5".

        Raises
        ------
        OutOfTimeError
            No time is left.
        """
        running = _running.get()
        for budget in running if self in running else (*running, self):
            budget.doing = what
            if budget.is_spent:
                raise budget.error(what, shrink, done)

    def error(self, what: str, shrink: str, done: str = "") -> OutOfTimeError:
        """Build the error that :meth:`check` raises."""
        return OutOfTimeError(
            f"{what} was {f'at {done}' if done else 'not done'} when budget={self.seconds:g} seconds were over: "
            f"{shrink}, or give it more time, budget=.., None for no limit."
        )

    def each(
        self, items: Iterable[T], what: str, shrink: str, *, total: int | None = None, shown: bool = True
    ) -> Iterator[T]:
        """Yield `items` one by one while there is time, with a bar on the terminal once it has taken two seconds.

        Raises
        ------
        OutOfTimeError
            No time is left for the next item.
        """
        count = len(items) if total is None and isinstance(items, Sized) else total
        for i, item in enumerate(progress_bar(items, what, total=count, shown=shown)):
            self.check(what, shrink, f"{i:,} of {count:,}" if count is not None else f"{i:,}")
            yield item

    def __repr__(self) -> str:
        return f"Budget({self.seconds})"


_QUIETLY: ContextVar[bool] = ContextVar("quietly", default=False)

UNLIMITED = Budget(None)
"""As long as it takes."""

_running: ContextVar[tuple[Budget, ...]] = ContextVar("_running", default=())
"""The budgets whose clock runs, the outermost first."""


def check_time(what: str, shrink: str, done: str = "") -> None:
    """Raise if no time is left to one of the calls that are running; see :meth:`Budget.check`.

    >>> check_time("adding", "add less")  # nothing is running
    >>> with Budget(1.0, clock=iter([0.0, 2.0, 2.0]).__next__):
    ...     check_time("adding", "add less")
    Traceback (most recent call last):
        ...
    cidmesa.errors.OutOfTimeError: adding was not done when budget=1 seconds were over: add less, or give it more ...
    """
    if _running.get():
        UNLIMITED.check(what, shrink, done)


class Watch:
    """Shows on the terminal what runs for longer than :data:`QUIET` seconds, from a thread of its own.

    A bar that is there goes on telling the time while one of its items takes long. Where there is none, a line says
    what the outermost call is doing, and for how long.

    Parameters
    ----------
    clock
        What tells the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.bars: list[Any] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[Budget, float] = {}
        self._line: Any = None
        self._thread: threading.Thread | None = None

    def begin(self, call: Budget) -> None:
        """Watch a call until it ends; a worker's terminal is that of the process that started it, and left alone."""
        if multiprocessing.parent_process() is not None:
            return
        with self._lock:
            self._calls[call] = self._clock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look_on, name="cidmesa progress", daemon=True)
                self._thread.start()

    def end(self, call: Budget) -> None:
        """Watch a call no longer; what was shown of it goes."""
        if call in self._calls:
            with self._lock:
                del self._calls[call]
                if not self._calls:
                    self._close()

    def put_away(self) -> None:
        """Take the line from the terminal, for a bar to be there."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _look_on(self) -> None:
        """Look until nothing runs any more."""
        while True:
            time.sleep(LOOK)
            with self._lock:
                if not self._calls:
                    self._thread = None
                    return
                with suppress(OSError, ValueError):  # the terminal has gone
                    self.look()

    def look(self) -> None:
        """Show what has been running for long enough by now."""
        now = self._clock()
        calls = [(call, began) for call, began in self._calls.items() if now - began >= QUIET]
        if not calls:
            return
        bars = self.bars[-1:]
        if bars:
            self._close()
            bars[0].refresh()
            return
        call, began = calls[0]
        if self._line is None:
            self._line = bar_type()(bar_format="{desc}", leave=False)
        self._line.set_description_str(f"{call.doing}, {now - began:.0f} s")


WATCH = Watch()
"""What watches over the calls of this process."""


def bar_type() -> Any:
    """Return tqdm's bar for where this runs, a notebook or a terminal; no warning where a notebook lacks widgets.

    >>> bar_type()([1, 2], disable=True).total
    2
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm


def progress_bar(items: Iterable[T], what: str, *, total: int | None = None, shown: bool = True) -> Iterable[T]:
    """Return the same items, with a bar on the terminal once they have taken two seconds.

    Nothing is ever shown where standard error is no terminal, or if `shown` is False.

    >>> list(progress_bar([1, 2, 3], "counting"))
    [1, 2, 3]
    """
    if not (shown and sees_progress()) or _QUIETLY.get():
        return items
    return _shown(items, what, total)


def _shown(items: Iterable[T], what: str, total: int | None) -> Iterator[T]:
    WATCH.put_away()
    with bar_type()(items, desc=what, total=total, delay=QUIET, leave=False) as bar:
        WATCH.bars.append(bar)
        try:
            yield from bar
        finally:
            WATCH.bars.remove(bar)


@contextmanager
def quietly(quiet: bool = True) -> Iterator[None]:
    """Show no bar of anything that is called meanwhile, as a caller with ``progress=False`` asks for.

    >>> with quietly():
    ...     list(progress_bar([1, 2, 3], "counting"))
    [1, 2, 3]
    """
    before = _QUIETLY.set(quiet or _QUIETLY.get())
    try:
        yield
    finally:
        _QUIETLY.reset(before)


def sees_progress() -> bool:
    """Say whether standard error is a terminal."""
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # no standard error, or a closed one
        return False


def somebody_waits() -> bool:
    """Say whether this is a prompt or a notebook, and not a process that another one started."""
    if not (hasattr(sys, "ps1") or sys.flags.interactive):
        shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
        if shell is None or shell() is None:
            return False
    return multiprocessing.parent_process() is None


def shows_progress(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function that takes no budget show itself on the terminal where it takes long.

    >>> @shows_progress
    ... def running():
    ...     return len(_running.get())
    >>> running()
    1
    """

    @wraps(function)
    def watched(*args: P.args, **named: P.kwargs) -> T:
        with Budget(None):
            return function(*args, **named)

    return watched


class HasBudget(Protocol):
    """Something that holds the budget of the questions that it is asked."""

    @property
    def budget(self) -> Budget:
        """The budget."""
        ...


H = TypeVar("H", bound=HasBudget)


def within_budget(method: Callable[Concatenate[H, P], T]) -> Callable[Concatenate[H, P], T]:
    """Let the clock of an object's budget run while a method answers; what it calls shares the clock.

    >>> class Asked:
    ...     budget = Budget(60.0)
    ...     @within_budget
    ...     def has_a_limit(self):
    ...         return self.budget.left <= 60
    >>> Asked().has_a_limit()
    True
    """

    @wraps(method)
    def timed(self: H, /, *args: P.args, **named: P.kwargs) -> T:
        with self.budget:
            return method(self, *args, **named)

    return timed


def _is_positive(number: Any) -> bool:
    with suppress(TypeError, ValueError):
        return bool(number > 0)
    return False
