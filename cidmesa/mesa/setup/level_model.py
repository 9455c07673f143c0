r"""Levels: a table of episodes by what is in them, as a model whose deployments are selections of levels.

Where training or a deployment *chooses episodes* by what is in them (mazes whose door is red, images without cats),
nothing in the world is shifted: the choice is conditioning, :math:`P(\cdot \mid selected)`. A table with one row a
level and one column a feature becomes a model in which the features form a **chain**: observed ones first, each a child
of the earlier ones on which it depends in training, or in the table as a whole. A selection is then a deployment that
shifts the features whose law given their parents it changes; where it ties features that were independent, with an
edge that exists only there.

**When selecting levels equals shifting roots.** Let the features be independent roots. The deployment of a selection
shifts roots and draws no edge if and only if, on the levels that come, the selection is a product of conditions on one
root each, :math:`s(f_1, \dots, f_n) = \prod_i s_i(f_i)`; root :math:`i` then gets the law
:math:`P(f_i) s_i(f_i) / \sum P(f_i) s_i(f_i)`. Any other selection is a collider that has been conditioned on, and
ties the roots that it compares.

>>> import cidmesa as cm
>>> table = {"colour": ["red", "red", "blue", "blue"], "kind": ["door", "ball", "door", "ball"]}
>>> mazes = levels(table, decision={"go": ["red", "door"]}, observed=["colour", "kind"],
...                outcomes={"at_door": lambda go, kind: int(go == "door" and kind == "door")},
...                score={"reward": lambda at_door: at_door})
>>> dict(mazes.select(lambda colour: colour == "red")), mazes.select(lambda colour: colour == "red").edges
({'colour': Table(2, domain ('red', 'blue'))}, ())
>>> mazes.select(lambda colour, kind: (colour == "red") == (kind == "door"))
Selection(2 of 4 levels; shifts kind; edges colour → kind)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError, MechanismError, NotApplicableError, as_lambda, shortened, unknown
from cidmesa.mechanisms import Bernoulli, Categorical, Mechanism, Table, Uniform, as_mechanism
from cidmesa.mesa.setup.deployment import Deployment
from cidmesa.mesa.setup.level_table import Condition, Law, LevelTable, normal
from cidmesa.model import CIM
from cidmesa.shown import Shown, plain

ROOT: Final = "level"
"""The root's name, where the level is one node."""


class Selection(Deployment, Mapping[str, Mechanism]):
    """A selection of levels as a deployment: the shifts, as a mapping, and the edges that exist only there.

    Made by :meth:`Levels.select`.

    Attributes
    ----------
    shifts, edges
        As of every :class:`~cidmesa.Deployment`.
    kept, of
        How many levels come in it, of how many.
    """

    __slots__ = ("kept", "of")

    kept: int
    of: int

    def __init__(self, shifts: Mapping[str, Mechanism], edges: Iterable[Edge], kept: int, of: int) -> None:
        super().__init__(shifts, edges)
        object.__setattr__(self, "kept", kept)
        object.__setattr__(self, "of", of)

    def __getitem__(self, node: str) -> Mechanism:
        return self._mapping[node]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping)

    def __len__(self) -> int:
        return len(self._mapping)

    @property
    def _mapping(self) -> Mapping[str, Mechanism]:
        return self.shifts  # type: ignore[return-value]  # made of a mapping

    def __reduce__(self) -> tuple[Any, ...]:
        return Selection, (dict(self._mapping), self.edges, self.kept, self.of)

    def __repr__(self) -> str:
        edges = f"; edges {', '.join(f'{tail} → {head}' for tail, head in self.edges)}" if self.edges else ""
        shifted = ", ".join(self._mapping) or "nothing"
        return f"Selection({self.kept:,} of {self.of:,} levels; shifts {shifted}{edges})"


class Levels(CIM, Shown):
    """A model whose world is a table of levels; its deployments are selections of them.

    Made by :func:`levels`. All that can be done with a model can be done with it.

    Attributes
    ----------
    table
        What is in each level, and how often it comes: a :class:`LevelTable`.
    root
        The name of the node that stands for the level; ``None`` where the features form a chain.
    """

    __slots__ = ("_root", "_table")

    _table: LevelTable
    _root: str | None

    def __init__(self, table: LevelTable, cid: CID, mechanisms: Mapping[str, Any], root: str | None = None) -> None:
        super().__init__(cid, {**dict(feature_mechanisms(table, root)), **mechanisms})
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_root", root)

    @property
    def table(self) -> LevelTable:
        """The levels."""
        return self._table

    @property
    def root(self) -> str | None:
        """The node that stands for the level, if one does."""
        return self._root

    @property
    def features(self) -> tuple[str, ...]:
        """The features, observed ones first."""
        return self._table.names

    @property
    def observed(self) -> tuple[str, ...]:
        """The features that the decision sees."""
        return self._table.observed

    @property
    def identified(self) -> bool:
        """Whether no two levels look the same to the decision."""
        seen = [row[: len(self.observed)] for row in self._table.rows]
        return len(set(seen)) == len(seen)

    def select(self, condition: Condition) -> Selection:
        r"""Return the deployment in which only some levels come: conditioning, not an intervention.

        Parameters
        ----------
        condition
            A function of features, by their names (``**features`` takes all of them), that says of a level whether it
            comes; or a number that is not negative, by which its weight is multiplied.

        Returns
        -------
        Selection
            The features whose law given their parents is another there, each with its new mechanism, and the edges
            that only this selection needs; nothing, where it comes to the same as training. It stands among the
            deployments of a setup as it is.

        Raises
        ------
        NotApplicableError
            No level is left.
        UnknownNodeError
            An argument that is no feature.

        Notes
        -----
        Weights are those of the table, whatever training shows. Where all levels that are left have the weight 0
        there, they come alike. Rows are compared as fractions, so a law that stays is never shifted by rounding.
        Parents' values that the selection never shows keep the row they have.

        Examples
        --------
        >>> import cidmesa as cm
        >>> table = {"door": ["left", "left", "right", "right"], "red": ["left", "right", "left", "right"]}
        >>> mazes = cm.levels(table, decision={"go": ["left", "right"]}, observed=["door", "red"],
        ...                   outcomes={"at_door": lambda go, door: int(go == door)},
        ...                   score={"reward": lambda at_door: at_door}, training=lambda door, red: door == red)
        >>> mazes.select(lambda door, red: door != red)["red"].values.tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        >>> mazes.select(lambda door, red: door == red)        # what training shows
        Selection(2 of 4 levels; shifts nothing)
        >>> mazes.select(lambda door: door == "up")
        Traceback (most recent call last):
            ...
        cidmesa.errors.NotApplicableError: no level is left by this selection: its condition holds for none of them.
        """
        law = self._table.select(condition)
        kept = sum(map(bool, law))
        if self._root is not None:
            shifts = {} if law == normal(self._table.training) else {self._root: _root_law(law)}
            return Selection(shifts, (), kept, len(law))
        return Selection(*self._changed_by(law), kept, len(law))

    def _changed_by(self, law: Law) -> tuple[dict[str, Mechanism], list[Edge]]:
        """Return the features whose law another law of the levels changes, and the edges that it needs."""
        table = self._table
        shifts: dict[str, Mechanism] = {}
        edges: list[Edge] = []
        for i, name in enumerate(table.names):
            base = table.chain[name]
            old = [table.names.index(parent) for parent in base]
            new = sorted(table.needed(i, law, old) - set(old))
            rows, known = table.conditional(i, [*old, *new], law), table.base_rows(i)
            if all(known[context[: len(old)]] == row for context, row in rows.items()):
                continue
            parents = (*base, *(table.names[j] for j in new))
            kept = {context: row for context, row in self._spread(known, new).items() if context not in rows}
            shifts[name] = table.dense(i, parents, {**kept, **rows})
            edges += [(parent, name) for parent in parents[len(base) :]]
        return shifts, edges

    def _spread(self, known: Mapping[tuple[int, ...], Law], new: Sequence[int]) -> dict[tuple[int, ...], Law]:
        """Repeat rows for every value of parents that have been added."""
        cards = [len(self._table.domains[self._table.names[j]]) for j in new]
        return {(*context, *map(int, more)): row for context, row in known.items() for more in np.ndindex(*cards)}

    def __reduce__(self) -> tuple[Any, ...]:
        world = {self._root, *self.features}
        mechanisms = {node: what for node, what in _as_tables(self).items() if node not in world}
        return Levels, (self._table, self.cid, mechanisms, self._root)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "feature": name,
                "values": self._table.domains[name],
                "observed": name in self.observed,
                "depends on": self.cid.parents(name),
            }
            for name in self.features
        ]

    def _caption(self) -> str:
        return f"{len(self._table.rows):,} levels, {sum(map(bool, self._table.training)):,} of them in training"

    def _note(self) -> str:
        return f"The level is one node, `{self._root}`." if self._root else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the levels with their weights, and the features, as plain data."""
        table = self._table
        return {
            **super().to_dict(),
            "levels": {name: plain(values) for name, values in table.features.items()},
            "weights": [float(weight) for weight in table.weights],
            "training": [float(weight) for weight in table.training],
            "root": self._root,
        }

    def __repr__(self) -> str:
        seen = ", ".join(self.observed) or "nothing"
        form = f"one root `{self._root}`" if self._root else "a chain"
        return f"Levels({len(self._table.rows):,} of {', '.join(self.features)}; {form}; observed: {seen})"


def levels(
    table: Any,
    *,
    decision: Mapping[str, Any],
    outcomes: Mapping[str, Any],
    score: Mapping[str, Any],
    observed: Iterable[str],
    root: bool = False,
    weights: str | Sequence[float] | None = None,
    training: Condition | Sequence[float] | None = None,
) -> Levels:
    r"""Make a model of a table of levels: features in a chain, one decision, what it leads to, and the score.

    Parameters
    ----------
    table
        One row a level, one column a feature: a mapping from column to values, or a pandas DataFrame.
    decision
        ``{name: actions}``; it sees the features that `observed` names, in that order.
    outcomes
        Node → mechanism, such as a function whose argument names are features, the decision or other outcomes.
    score
        Utility → the same.
    observed
        The features that the decision sees.
    root
        Whether the level is one node, of which each feature is a function, instead of a chain of features. For tables
        with so many features that the chain's mechanisms would be too large.
    weights
        How often each level comes: the name of a column, or numbers. Left out, each alike.
    training
        The levels that training shows: a condition as for :meth:`Levels.select`, or a weight for each. Left out, the
        table as it is.

    Returns
    -------
    Levels

    Raises
    ------
    DiagramError, UnknownNodeError
        Columns of different lengths; a name that is not a column.
    MechanismError
        Weights that are none; an outcome whose parents cannot be told.
    NotApplicableError
        Chains whose tables would have more than 4 million entries; no level in training.

    Notes
    -----
    With the chain and with the root the same levels come in training and in every selection, so regrets and possible
    actions are the same: of optimizers who know the deployment always, of frozen ones where training showed the
    context. With the root all features hang together, and the graph alone tells less: no shift is told from another,
    and nothing is predicted of responses.

    Examples
    --------
    >>> import cidmesa as cm
    >>> table = {"door": ["left", "left", "right", "right"], "red": ["left", "right", "left", "right"],
    ...          "often": [49, 1, 1, 49]}
    >>> mazes = cm.levels(table, decision={"go": ["left", "right"]}, observed=["door", "red"], weights="often",
    ...                   outcomes={"at_door": lambda go, door: int(go == door),
    ...                             "at_red": lambda go, red: int(go == red)},
    ...                   score={"reward": lambda at_door: at_door})
    >>> mazes.cid.parents("red"), mazes.cpd("red")[0].tolist()
    (('door',), [0.98, 0.02])
    >>> setup = cm.TrainingSetup(mazes, deployments={"swapped": mazes.select(lambda door, red: door != red)})
    >>> cm.derive_mesa_optimizers(setup, tolerance=0.05)["at_red"].deployment_regret["swapped"]
    [1, 1]
    """
    read = LevelTable.read(table, observed, weights, training)
    for argument, given in (("decision", decision), ("outcomes", outcomes), ("score", score)):
        if not isinstance(given, Mapping):
            raise DiagramError(f"{argument}= is a mapping, {{name: ..}}; got {shortened(given)}.")
    if len(decision) != 1:
        raise NotApplicableError(
            f"a table of levels is for one decision, decision={{name: actions}}; got {decision!r}."
        )
    top = ROOT if root else None
    world = [*([ROOT] if root else []), *read.names]
    ((act, actions),) = decision.items()
    names = [*world, act, *outcomes, *score]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        hint = ": rename the column" if root and twice == ROOT else ""
        raise DiagramError(f"`{twice}` is the name of two things: features, the decision, outcomes and scores{hint}.")
    edges = [*world_edges(read, top), *((seen, act) for seen in read.observed)]
    for node, given in (*outcomes.items(), *score.items()):
        kind = "utility" if node in score else "chance"
        for parent in _parents(node, as_mechanism(given, node=node, kind=kind)):
            if parent not in names:
                raise unknown(parent, names, what=f"a feature, the decision or an outcome, but `{node}` reads it")
            edges.append((parent, node))
    cid = CID(edges, nodes=names, decisions=[act], utilities=list(score))
    return Levels(read, cid, {act: actions, **outcomes, **score}, top)


def world_edges(table: LevelTable, root: str | None) -> list[Edge]:
    """Return the edges among features: those of the chain, or from the root to each."""
    if root is not None:
        return [(root, name) for name in table.names]
    return [(parent, name) for name in table.names for parent in table.chain[name]]


def feature_mechanisms(table: LevelTable, root: str | None) -> Iterator[tuple[str, Mechanism]]:
    """Yield the mechanisms of the features, and of the root if there is one."""
    if root is None:
        for i, name in enumerate(table.names):
            yield name, table.dense(i, table.chain[name], table.base_rows(i))
        return
    yield root, _root_law(normal(table.training))
    for i, name in enumerate(table.names):
        values = np.zeros((len(table.rows), len(table.domains[name])))
        values[np.arange(len(table.rows)), [row[i] for row in table.rows]] = 1.0
        yield name, Table(values, domain=table.domains[name])


def _root_law(law: Law) -> Table:
    return Table([float(p) for p in law])


def _parents(node: str, mechanism: Mechanism) -> tuple[str, ...]:
    """Tell the parents of an outcome from its mechanism."""
    if isinstance(mechanism, Uniform | Bernoulli | Categorical):
        return ()
    function = getattr(mechanism, "f", None)
    if function is not None:
        given = inspect.signature(function).parameters.values()
        noisy = getattr(mechanism, "noise", None) is not None
        if not any(p.kind is p.VAR_KEYWORD for p in given):
            return tuple(p.name for p in given if p.default is p.empty and not (noisy and p.name == "noise"))
    if isinstance(mechanism, Table) and mechanism.parents is not None:
        return tuple(mechanism.parents)
    raise MechanismError(
        f"the parents of `{node}` cannot be told from {mechanism!r}: write a function of them, "
        f"{as_lambda(['go', 'feature'])}, or Table(.., parents=[..])."
    )


def _as_tables(model: CIM) -> dict[str, Any]:
    """Return the mechanisms of a model as numbers, which can be pickled."""
    found: dict[str, Any] = {}
    for node in model.cid.nodes:
        kind = model.cid.kind(node)
        if kind == "decision":
            found[node] = model.choice(node)
        elif kind == "utility":
            found[node] = Table(model.cpd(node))
        else:
            found[node] = Table(model.cpd(node), domain=model.domain(node))
    return found
