r"""Actions that are optimal for at least one objective: the vertices of the convex hull of their outcomes.

An objective is linear in the law of its targets, so it is maximal at a vertex of the convex hull of the laws that the
actions lead to, or else it is the same everywhere. An action inside can be left out of every comparison: the best on
the border is better. Of thousands of policies a few dozen are on the border where the targets have few values.

What is left out is inside by a margin that no rounding reaches; what is doubtful stays. Beyond :data:`DIMENSIONS` the
hull costs more than it saves, and all actions stay.

>>> square = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [1.0, 1.0], [0.5, 0.0]])
>>> is_vertex(square).tolist()
[True, True, False, True, True, True]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask

if TYPE_CHECKING:
    pass

DIMENSIONS = 4
"""The most dimensions in which hulls are computed."""

INSIDE = 1e-6
"""A point is inside where every facet is at least so far away, relative to the extent of all points."""

FLAT = 2.0**-46
"""Points that vary by at most this in a direction do not vary there, up to rounding."""

DISTANCES = 2**24
"""So many distances of points to facets are computed at a time."""


def is_vertex(points: Floats) -> Mask:
    """Mark the points, shape (N, T), that may lie on the relative border of their convex hull.

    Notes
    -----
    Sound: an unmarked point is inside. All are marked where their dimension is in doubt or above :data:`DIMENSIONS`.
    """
    from scipy.spatial import ConvexHull, QhullError

    everything = np.ones(len(points), dtype=bool)
    extent = float(np.ptp(points, axis=0).max(initial=0.0))
    if extent <= FLAT:
        return everything
    centred = (points - points.mean(axis=0)) / extent
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    spread = np.abs(centred @ axes.T).max(axis=0)
    dimension = int((spread > FLAT).sum())
    doubtful = (spread > FLAT) & (spread < INSIDE)
    if doubtful.any() or dimension > DIMENSIONS or len(points) <= dimension + 1:
        return everything
    flat = centred @ axes[:dimension].T
    if dimension == 1:
        line = flat[:, 0]
        return np.asarray((line <= line.min() + INSIDE) | (line >= line.max() - INSIDE))
    try:
        facets = ConvexHull(flat).equations
    except QhullError:
        return everything
    vertices = np.zeros(len(points), dtype=bool)
    step = max(1, DISTANCES // len(points))
    for start in range(0, len(facets), step):
        here = facets[start : start + step]
        vertices |= (flat @ here[:, :-1].T + here[:, -1] >= -INSIDE).any(axis=1)
    return vertices
