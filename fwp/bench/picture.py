"""Figures become files."""

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure, SubFigure

from fwp.files import write_bytes

__all__ = ["picture"]


def picture(file: Path, figure: Figure | SubFigure) -> None:
    """Write a figure, whole or not at all."""
    assert isinstance(figure, Figure)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    write_bytes(file, buffer.getvalue())
