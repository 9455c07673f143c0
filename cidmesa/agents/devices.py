r"""Where agents are trained, and in which precision.

Rules and learners are written without a word of devices. Where agents are trained elsewhere than on the CPU, all that a
learner carries lies there, tensors that are made are made there, and one that comes from numpy moves there when it
meets what is there; so a policy or a learner of your own runs there too. Episodes are played by numpy in any case, and
what comes out is on the CPU.

>>> read_device("cuda:0"), read_dtype(torch.float32), read_dtype(None) is None
('cuda:0', 'float32', True)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cidmesa.errors import NotApplicableError, unknown

DTYPES = {"float32": torch.float32, "float64": torch.float64}
"""The precisions by name."""


def read_device(device: Any) -> str:
    """Return the name of a device on which agents can be trained; whether it is there is asked when they are.

    Raises
    ------
    NotApplicableError
        It is none, or one without numbers in double precision.

    Examples
    --------
    >>> read_device("meta")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: device= is 'cpu', 'cuda' or 'cuda:0', 'cuda:1', ..; got 'meta'.
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = None
    if found is None or isinstance(device, int) or found.type not in {"cpu", "cuda"}:
        raise NotApplicableError(f"device= is 'cpu', 'cuda' or 'cuda:0', 'cuda:1', ..; got {device!r}.")
    return "cpu" if found.type == "cpu" else str(found)


def read_dtype(dtype: Any) -> str | None:
    """Return the name of a precision; ``None`` stands for that of each kind of rules.

    Raises
    ------
    UnknownNodeError
        It is none in which agents are trained.

    Examples
    --------
    >>> read_dtype("float16")
    Traceback (most recent call last):
        ...
    cidmesa.errors.UnknownNodeError: 'float16' is not a dtype= of agents (float32, float64); did you mean `float64`?
    """
    name = str(dtype).removeprefix("torch.")
    if dtype is not None and name not in DTYPES:
        raise unknown(name, DTYPES, what=f"a dtype= of agents ({', '.join(DTYPES)})")
    return None if dtype is None else name


def require_device(name: str) -> torch.device:
    """Return a device that is there.

    Raises
    ------
    NotApplicableError
        It is not.
    """
    device = torch.device(name)
    if device.type == "cuda":
        many = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= many:
            has = f"the devices cuda:0 to cuda:{many - 1}" if many else "no device of CUDA"
            raise NotApplicableError(f"device={name!r} is not there, torch finds {has} on this machine: device='cpu'.")
    return device


def described(name: str) -> tuple[str, ...]:
    """Say what the last bits of a result depend on besides the CPU: nothing where that is all."""
    if name == "cpu":
        return ()
    device = require_device(name)
    return name, f"CUDA {torch.version.cuda}", torch.cuda.get_device_name(device)


def placed(memory: Mapping[str, Mapping[str, Tensor]], device: str, dtype: str | None) -> dict[str, dict[str, Tensor]]:
    """Return what a learner carries on a device, in a precision.

    >>> placed({"learned": {"x": torch.zeros(1, 1)}}, "cpu", "float64")["learned"]["x"].dtype
    torch.float64
    """
    there = require_device(device)

    def moved(value: Tensor) -> Tensor:
        kind = DTYPES[dtype] if dtype is not None and value.is_floating_point() else value.dtype
        return value.to(device=there, dtype=kind)

    return {group: {name: moved(value) for name, value in values.items()} for group, values in memory.items()}


@contextmanager
def working_on(device: str | torch.device) -> Iterator[None]:
    """Make tensors on a device, and move there what meets them; on the CPU nothing is different."""
    there = torch.device(device)
    if there.type == "cpu":
        yield
        return
    with there, _Meeting(there):
        yield


class _Meeting(TorchFunctionMode):
    """Moves tensors from the CPU to a device where they meet one of there, and back where numpy asks for them.

    What an operation changes in place is never moved: the copy would be changed, and the tensor would not.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch."""
        kwargs = kwargs or {}
        if func is Tensor.numpy:
            return func(args[0].detach().cpu(), *args[1:], **kwargs)
        if any(value.device.type != "cpu" for value in _tensors((args, kwargs))):
            name = getattr(func, "__name__", "")
            kept = 1 if name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) else 0
            args = (*args[:kept], *(self._moved(value) for value in args[kept:]))
            kwargs = {key: self._moved(value) for key, value in kwargs.items()}
        return func(*args, **kwargs)

    def _moved(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.to(self._device) if value.device.type == "cpu" else value
        if isinstance(value, tuple | list):
            return type(value)(self._moved(part) for part in value)
        return value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
