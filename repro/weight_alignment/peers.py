"""Other people's feedback layers, timed beside ours where they can be imported."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

from torch import nn


def biotorch() -> dict[str, Callable[[nn.Module], nn.Module]]:
    """BioTorch's feedback alignment as a conversion of a plain network, or nobody, with a warning, if it isn't there.

    It needs packages that this book does not; ``pip install --no-deps --target FOLDER biotorch`` and FOLDER in
    PYTHONPATH suffice.
    """
    try:
        from biotorch.module.biomodule import BioModule
    except ModuleNotFoundError as missing:
        warnings.warn(f"BioTorch is left out: {missing}", stacklevel=2)
        return {}

    def converted(network: nn.Module) -> nn.Module:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it has converted
            return BioModule(network, mode="fa")

    return {"BioTorch FA": converted}
