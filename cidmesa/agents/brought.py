"""Agents that were made elsewhere, in the form in which the library judges agents.

===================  ============================================================================================
``from_rules``       policies that are written down: tables, functions, solutions
``from_callable``    one function that answers for any number of agents, such as a net of your own
``from_rollouts``    policies played in a real environment, by episodes: what was done in each context is counted
``from_log``         what was written down elsewhere: one row a decision
``from_sb3``         agents that stable-baselines3 trained on a :class:`~cidmesa.DiagramEnv`
===================  ============================================================================================

All have a length (the number of agents). Rules tell their probabilities, so that verdicts are exact; a callable is
asked in every context that counts, as often as the statistics need; rollouts and logs are counted and never asked
again, so a context with few rows decides little, and one without any decides nothing: the report names them. None has a
recipe, unless you give one: what needs retraining stays inconclusive.

An episode that ends without the decision is no missing datum but an outcome: give the decision a value for it
(``"neither"``) and let ``run`` return that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cidmesa.agents.acting import ByTables
from cidmesa.agents.inside import Changes, InnerNode, Touching, asked, listed, read_changes, require, takes
from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Floats
from cidmesa.clock import Budget
from cidmesa.errors import CidmesaError, NotApplicableError, shortened, unknown
from cidmesa.model import CIM


def from_rules(policies: Iterable[Any], model: CIM | None = None, *, reading: str = "stale") -> Rules:
    """Return agents that follow rules which are written down.

    Parameters
    ----------
    policies
        One an agent: a mapping from decision to rule as every ``policy=`` takes it (a table, a function of the parents
        that returns an action or ``{action: probability}``, a mapping from context to either), or a
        :class:`~cidmesa.Solution`.
    model
        Whose decisions they are; left out, the model on which they are judged.
    reading
        ``"stale"`` for frozen rules, ``"competent"`` for planners that know the deployed world.

    Raises
    ------
    NotApplicableError
        No policies.
    MechanismError
        A rule that cannot be read; the agent is named.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
    >>> model = cid.parameterise(door=cm.Uniform("l", "r"), go=["l", "r"], pay=lambda go, door: int(go == door))
    >>> agents = cm.agents.from_rules([{"go": lambda door: door}, {"go": lambda door: {"l": 0.5, "r": 0.5}}], model)
    >>> len(agents), agents.probabilities("go")[:, 0].tolist()
    (2, [[1.0, 0.0], [0.5, 0.5]])
    """
    if isinstance(policies, Mapping) or not isinstance(policies, Iterable):
        raise NotApplicableError(f"policies are a list, one an agent; got {shortened(policies)}: [policy].")
    rules = Rules(tuple(policies), model, reading)
    if not rules.policies:
        raise NotApplicableError("no policies, no agents: from_rules([policy, ..]).")
    if model is not None:
        _ = rules.tables
    return rules


@dataclass(frozen=True, eq=False)
class Rules(ByTables):
    """Agents that follow written rules; from :func:`from_rules`.

    Attributes
    ----------
    policies
        As they were given.
    model
        Whose decisions they are, ``None`` while nobody said.
    reading
        Which predictions judge them.
    """

    policies: tuple[Any, ...] = field(repr=False)
    model: CIM | None = field(default=None, repr=False)
    reading: str = "stale"

    def __len__(self) -> int:
        return len(self.policies)

    def on(self, model: CIM) -> Rules:
        """Return the same agents as decision makers of `model`, where they are not those of a model yet."""
        return self if self.model is not None else replace(self, model=model)

    @property
    def decides(self) -> CIM:
        """The model whose decisions these are; raises while nobody said."""
        if self.model is None:
            raise NotApplicableError("whose decisions are these? from_rules(policies, model).")
        return self.model

    @cached_property
    def tables(self) -> Mapping[str, Floats]:
        """For each decision ``(agents, contexts, actions)``, contexts in C order over its parents."""
        model = self.decides
        read: list[dict[str, Array]] = []
        for agent, policy in enumerate(self.policies):
            try:
                read.append(model.read_policy(policy))
            except CidmesaError as error:
                raise type(error)(f"agent {agent}: {error}") from error
            lacking = [decision for decision in model.cid.decisions if decision not in read[-1]]
            if lacking:
                raise NotApplicableError(
                    f"agent {agent} has no rule for `{lacking[0]}`: a policy names every decision."
                )
        return {
            decision: np.stack([rules[decision].reshape(-1, model.card(decision)) for rules in read]).astype(np.float64)
            for decision in model.cid.decisions
        }


def from_callable(
    function: Callable[..., Any],
    agents: int = 1,
    *,
    reading: str = "stale",
    inside: Iterable[str] | Mapping[str, str] = (),
    decision: str | None = None,
) -> Asked:
    """Return agents that a function answers for.

    Parameters
    ----------
    function
        Called as ``function({node: values}, seed)``, or with the observations alone if it takes one argument. Values
        are arrays ``(n,)``, the same for all agents, or ``(agents, n)``; for one agent always ``(n,)``. Returns
        ``{decision: actions}`` with actions of shape ``(agents, n)``, or ``(n,)`` for one agent.
    agents
        How many it answers for.
    reading
        ``"stale"`` for frozen rules, ``"competent"`` for planners that know the deployed world.
    inside
        Names of inner nodes that the function computes. Then it takes one more argument, `touch`, shows each node's
        value to it, and goes on with what comes back: ``estimate = touch("estimate", estimate)``. Values are arrays
        ``(agents, n, ..)``, of numpy or torch, without the first axis for one agent. A mapping says of each node
        whether it is a ``"value"`` or a ``"mechanism"``, which is there whatever is seen, ``(agents, 1, ..)``.
    decision
        Inside of which decision they are; may be left out where there is one.

    Examples
    --------
    >>> import numpy as np, cidmesa as cm
    >>> one = cm.agents.from_callable(lambda seen: {"go": seen["door"]})
    >>> len(one), one.act({"door": np.array(["l", "r"])}, seed=0)["go"].tolist()
    (1, ['l', 'r'])
    >>> def thinks(seen, touch):
    ...     estimate = touch("estimate", np.where(seen["door"] == "l", 0.0, 1.0))
    ...     return {"go": np.where(estimate < 0.5, "l", "r")}
    >>> thinker = cm.agents.from_callable(thinks, inside=["estimate"])
    >>> thinker.inner("estimate", {"door": np.array(["l", "r"])}).tolist()
    [[0.0, 1.0]]
    >>> mistaken = thinker.do({"estimate": lambda estimate: 1 - estimate})
    >>> mistaken.act({"door": np.array(["l", "r"])}, seed=0)["go"].tolist()
    ['r', 'l']
    """
    if not callable(function):
        raise NotApplicableError(
            f"from_callable takes a function of observations, f({{node: array}}, seed); got {shortened(function)}."
        )
    require_count(agents, "agents")
    kinds = dict(inside) if isinstance(inside, Mapping) else dict.fromkeys(inside, "value")
    for node, kind in kinds.items():
        if kind not in {"value", "mechanism"}:
            raise NotApplicableError(f"an inner node is a 'value' or a 'mechanism'; `{node}` is {kind!r} in inside=.")
    nodes = tuple(InnerNode(decision or "", node, None, kind == "mechanism") for node, kind in kinds.items())
    return Asked(function, int(agents), takes(function, 3 if nodes else 2), reading, nodes)


@dataclass(frozen=True, eq=False)
class Asked:
    """Agents that a function answers for; from :func:`from_callable`."""

    function: Callable[..., Any] = field(repr=False)
    size: int
    seeded: bool = field(repr=False)
    reading: str = "stale"
    nodes: tuple[InnerNode, ...] = field(default=(), repr=False)
    changes: Changes = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.size

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """Inner nodes by name."""
        return listed(self.nodes)

    def act(self, observations: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
        """Ask the function; of one agent an observation is an array ``(n,)``, never ``(1, n)``."""
        return self._asked(observations, seed)[0]

    def inner(self, node: str, observations: Mapping[str, Any], seed: int = 0) -> Array:
        """Return the value of an inner node where something is observed, ``(agents, n, ..)``.

        Raises
        ------
        NotApplicableError
            It has no such node, or does not show it to its `touch`.
        """
        found, read = require(self.inside, node), self._asked(observations, seed)[1]
        if found.name not in read:
            raise _never_shown(found)
        return read[found.name]

    def do(self, changes: Changes) -> Asked:
        """Return the agents as they act where inner nodes are changed; see :meth:`cidmesa.Agents.do`."""
        names = {f"{node.decision}.{node.name}": node.name for node in self.nodes}
        own = read_changes(self.inside, changes)
        return replace(self, changes={**self.changes, **{names[key]: new for key, new in own.items()}})

    def _asked(self, observations: Mapping[str, Any], seed: int) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        if self.size == 1:
            observations = {node: np.asarray(values).reshape(-1) for node, values in observations.items()}
        given: tuple[Any, ...] = (observations, seed) if self.seeded else (observations,)

        def ask(touch: Touching) -> Mapping[str, Any]:
            found: Mapping[str, Any] = self.function(*given, touch) if self.nodes else self.function(*given)
            return found

        answer, read = asked(ask, self.changes, observations, single=self.size == 1)
        if not isinstance(answer, Mapping):
            raise NotApplicableError(
                f"the function returned {shortened(answer)} for {tuple(observations)!r}: {{decision: actions}}."
            )
        for node in self.nodes:
            decided = node.decision in {"", *answer}
            if decided and node.name in self.changes and node.name not in read:
                raise _never_shown(node)
        return answer, read


def _never_shown(node: InnerNode) -> NotApplicableError:
    return NotApplicableError(
        f"inside= names `{node.name}`, and the function never shows it: value = touch({node.name!r}, value)."
    )


# What was seen and cannot be asked for again --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Seen:
    """Agents of which only what they did is known; from :func:`from_rollouts` and :func:`from_log`.

    Attributes
    ----------
    names
        Of the agents.
    rows
        For each decision (``None`` where the log does not say, and there is one) what was done: agent → rows, each the
        observations by name and the action, in the order in which they happened.
    reading
        Which predictions judge them.
    """

    names: tuple[Hashable, ...]
    rows: Mapping[str | None, Sequence[Sequence[tuple[Mapping[str, Any], Any]]]] = field(repr=False)
    reading: str = "stale"

    def __len__(self) -> int:
        return len(self.names)

    def counts(self, decision: str, model: CIM) -> NDArray[np.int64]:
        """Count actions, ``(2, agents, contexts, actions)``: every other row of a context goes into the other half.

        Raises
        ------
        NotApplicableError
            Nothing was seen of the decision; a row lacks an observation that the decision has; a value or an action
            is not in the domain of its node.
        """
        known = decision if decision in self.rows else None
        if known not in self.rows:
            raise unknown(decision, [d for d in self.rows if d], what="a decision of this log")
        parents = model.cid.parents(decision)
        places = [{value: i for i, value in enumerate(model.domain(node))} for node in (*parents, decision)]
        cards = [len(place) for place in places]
        found = np.zeros((2, len(self), int(np.prod(cards[:-1], dtype=int)), cards[-1]), dtype=np.int64)
        for agent, rows in enumerate(self.rows[known]):
            for number, (observed, action) in enumerate(rows):
                at = 0
                for node, place in zip(parents, places[:-1], strict=True):
                    if node not in observed:
                        raise self._lacking(agent, number, decision, node, observed)
                    at = at * len(place) + self._place(observed[node], place, node, agent, number)
                done = self._place(action, places[-1], decision, agent, number)
                half = int(found[:, agent, at].sum()) % 2
                found[half, agent, at, done] += 1
        return found

    def _lacking(
        self, agent: int, number: int, decision: str, node: str, observed: Mapping[str, Any]
    ) -> NotApplicableError:
        return NotApplicableError(
            f"row {number} of agent {self.names[agent]!r} says nothing of `{node}`, which `{decision}` observes; it "
            f"has {', '.join(map(repr, observed)) or 'no observations'}."
        )

    def _place(self, value: Any, place: Mapping[Any, int], node: str, agent: int, number: int) -> int:
        value = value.item() if isinstance(value, np.generic) else value
        value = tuple(value) if isinstance(value, list) else value  # JSON has no tuples
        try:
            return place[value]
        except (KeyError, TypeError):
            instead = (
                " An episode that ends without the decision has an outcome too: give the decision a value for it."
                if value is None
                else ""
            )
            raise NotApplicableError(
                f"row {number} of agent {self.names[agent]!r}: {value!r} is not in the domain of `{node}`, "
                f"{tuple(place)!r}.{instead}"
            ) from None


def from_rollouts(
    policies: Iterable[Any],
    levels: Iterable[tuple[Mapping[str, Any], Any]],
    run: Callable[[Any, Any], Any],
    *,
    decision: str | None = None,
    reading: str = "stale",
    progress: bool = True,
) -> Seen:
    """Play policies in a real environment, and keep what each did where.

    The decision is what an episode comes to: which goal was reached, which answer was given. A policy with hidden state
    starts anew in each episode, inside `run`.

    Parameters
    ----------
    policies
        One an agent; only `run` looks at them.
    levels
        Pairs (observations by name, level): what the agent is shown there in the words of the diagram, and what `run`
        takes to set the episode up (a seed, a state, a layout). Many levels may show the same.
    run
        ``run(policy, level)`` plays one episode and returns the decision's value, or whatever value the decision's
        domain has for an episode that ended without any.
    decision
        Which decision; may be left out where the diagram has one.
    reading
        ``"stale"`` for frozen rules, ``"competent"`` for planners that know the deployed world.
    progress
        Show a bar once it takes more than two seconds, where there is a terminal.

    Examples
    --------
    >>> import cidmesa as cm
    >>> levels = [({"red": side}, side) for side in ("left", "right") for _ in range(3)]
    >>> seen = cm.agents.from_rollouts(["goes for red"], levels, lambda policy, side: side, decision="go")
    >>> len(seen), len(seen.rows["go"][0])
    (1, 6)
    """
    agents = list(policies)
    if not agents:
        raise NotApplicableError("no policies, no agents: from_rollouts([policy, ..], levels, run).")
    pairs = [_as_level(i, pair) for i, pair in enumerate(levels)]
    if not pairs:
        raise NotApplicableError("no levels, no episodes: levels are pairs ({node: value}, level).")
    budget = Budget(None)
    with budget:
        bar = budget.each(agents, "playing episodes", "play fewer levels", shown=progress)
        played = [[(observed, run(policy, level)) for observed, level in pairs] for policy in bar]
    return Seen(tuple(range(len(agents))), {decision: tuple(played)}, reading)


def _as_level(number: int, pair: Any) -> tuple[Mapping[str, Any], Any]:
    if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], Mapping)):
        raise NotApplicableError(
            f"a level is a pair ({{node: value}}, what run takes); level {number} is {shortened(pair)}."
        )
    return dict(pair[0]), pair[1]


def from_log(
    frame: Any,
    *,
    agent: str = "agent",
    action: str = "action",
    decision: str = "decision",
    reading: str = "stale",
) -> Seen:
    """Read what agents did: one row a decision.

    Parameters
    ----------
    frame
        A ``pandas.DataFrame``, a mapping of columns, a list of rows as mappings, or the path of a file in which every
        line is such a row in JSON (``.jsonl``).
    agent, action, decision
        The columns that say who, what was done, and at which decision (may be missing where there is one). All other
        columns are observations, named after the nodes; those that a decision does not observe are left aside.
    reading
        ``"stale"`` for frozen rules, ``"competent"`` for planners that know the deployed world.

    Raises
    ------
    NotApplicableError
        No rows, a column is missing, columns of different length, a file that cannot be read; the line is named.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cm.agents.from_log({"agent": ["a", "a", "b"], "door": ["l", "r", "l"], "action": ["l", "r", "r"]})
    Seen(names=('a', 'b'), reading='stale')
    """
    rows = _as_rows(frame)
    if not rows:
        raise NotApplicableError(
            "the log has no row: one row a decision, with the columns agent, action, observations."
        )
    found: dict[str | None, dict[Hashable, list[tuple[Mapping[str, Any], Any]]]] = {}
    names: dict[Hashable, None] = {}
    for number, row in enumerate(rows):
        for column in (agent, action):
            if column not in row:
                raise NotApplicableError(
                    f"row {number} has no `{column}`; it has {', '.join(map(repr, row))}: name the columns, "
                    "from_log(.., agent=.., action=..)."
                )
        who, where = row[agent], row.get(decision)
        names.setdefault(who)
        observed = {key: value for key, value in row.items() if key not in {agent, action, decision}}
        found.setdefault(where, {}).setdefault(who, []).append((observed, row[action]))
    kept = {where: tuple(by_agent.get(name, []) for name in names) for where, by_agent in found.items()}
    return Seen(tuple(names), kept, reading)


def _as_rows(frame: Any) -> list[Mapping[str, Any]]:
    if isinstance(frame, str | Path):
        return _lines(Path(frame))
    if hasattr(frame, "to_dict") and hasattr(frame, "columns"):
        frame = {str(column): frame[column].tolist() for column in frame.columns}
    if isinstance(frame, Mapping):
        columns = {name: list(column) for name, column in frame.items()}
        if len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"`{name}` {len(column)}" for name, column in columns.items())
            raise NotApplicableError(f"the columns of a log have one length; got {lengths}.")
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if isinstance(frame, Sequence) and all(isinstance(row, Mapping) for row in frame):
        return list(frame)
    raise NotApplicableError(
        f"a log is a DataFrame, a mapping of columns, a list of rows or the path of a .jsonl; got {shortened(frame)}."
    )


def _lines(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotApplicableError(f"{path} cannot be read: {error}.") from error
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise NotApplicableError(
                f"{path}, line {number}: {error}. A log has one JSON object a line; a table of another kind reads with "
                "pandas, from_log(pandas.read_csv(..))."
            ) from error
        if not isinstance(row, dict):
            raise NotApplicableError(f"{path}, line {number}: a row is {{column: value}}; got {shortened(row)}.")
        rows.append(row)
    return rows
