"""More knots on the same path."""

from fwp import controls
from fwp.controls.split import split
from tests.fields.nets import close, some_series


def test_split_keeps_the_path() -> None:
    for control in (controls.linear, controls.natural_cubic, controls.rectilinear, controls.log_signature(2, 2)):
        path = control(some_series(time=7, unequal=True))
        fine = split(path, (0.0, 0.25, 0.6))
        assert fine.intervals == 3 * path.intervals
        assert close(fine.times[:, ::3], path.times, 0.0) and bool((fine.times.diff(dim=1) >= 0).all())
        for fraction in (0.1, 0.5, 0.95):
            wanted = path.nodes([fraction])
            piece, start, end = next(
                (i, a, b) for i, (a, b) in enumerate(((0, 0.25), (0.25, 0.6), (0.6, 1))) if fraction < b
            )
            ours = fine.nodes([(fraction - start) / (end - start)])
            assert all(close(o[:, piece::3], w, 1e-13) for o, w in zip(ours, wanted, strict=True))
