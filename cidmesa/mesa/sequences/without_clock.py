r"""One hypothesis where one stationary rule serves all moves, ``SequenceSetup(.., clock=False)``.

The learner does not see how many moves are left. Its optimizers are the stationary rules that are best for their
objective among all stationary rules, and regret is against the best stationary rule for the base. Everything here is
**two-sided** (:mod:`.one_rule`): branch and bound encloses what rules earn, and where a clock is worth something to an
objective its optimizers are not told from other stationary rules. So

* an objective is consistent if its optimizers' largest regret is *at most* within the tolerance, and not if it is *at
  least* beyond it; else that is UNKNOWN;
* targets are EXCLUDED where every objective on them is known not to be consistent: those with two values;
* intervals carry in ``gap`` how far their ends may be off, possible actions are a superset;
* what is done in a state, whenever, is enclosed (:meth:`OneRuleOptimizer.by_state`), and predictions are made of what
  both sides settle.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "right"), ("at'", "pay")], decisions=["act"],
...              utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"],
...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1),
...                          "right": lambda **now: int(now["at'"] == 2), "pay": lambda **now: [0, 0, 1][now["at'"]]})
>>> family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, 3, {"at the left": {"at": [1.0, 0.0, 0.0]}}, clock=False))
>>> family["right"].consistency.value, family["right"].deployment_regret["at the left"]
('CONSISTENT', [0, 0])
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import within_budget
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.mesa_optimizer import Consistency, Reasons
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.readings import STALE, Reading, require_reading
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.bracket import Bracket, bracket
from cidmesa.mesa.sequences.candidate import SequenceOptimizer, Tried
from cidmesa.mesa.sequences.existence import Existence
from cidmesa.mesa.sequences.one_rule import Enclosed, enclosed
from cidmesa.mesa.setup.deployment import TRAINING


class OneRuleOptimizer(SequenceOptimizer):
    """A mesa-optimizer with one rule for all moves; the answers of :class:`.SequenceOptimizer`, two-sided."""

    def _costs(self, found: Additive, name: str, *, stale: bool = False) -> tuple[Enclosed, bool]:
        """Return what the rules that are optimal for an objective cost in one distribution, and whether it has any.

        A stale rule is one that stays within what is optimal by training's law, wherever it goes.
        """
        key = (found.values, name, stale)
        if key not in self._enclosed:
            self._enclosed[key] = enclosed(self.setup, name, found.may(TRAINING if stale else name))
        return self._enclosed[key]

    @cached_property
    def _enclosed(self) -> dict[tuple[object, ...], tuple[Enclosed, bool]]:
        return {}

    @property
    def _every(self) -> tuple[Additive, ...]:
        """The objectives that are looked at: the declared ones, and the constant."""
        return (*(found for _, found in self._tried), self._constant)

    def _is_within(self, found: Additive) -> bool:
        return self._costs(found, TRAINING)[0].most[1] <= self._siblings.allowed

    @cached_property
    @within_budget
    def consistency(self) -> Consistency:
        """CONSISTENT, EXCLUDED or UNKNOWN: whether all rules optimal for some objective are within the tolerance."""
        if not self._controls:
            return Consistency.EXCLUDED
        if any(map(self._is_within, self._every)):
            return Consistency.CONSISTENT
        beyond = all(self._costs(found, TRAINING)[0].most[0] > self._siblings.allowed for found in self._every)
        return Consistency.EXCLUDED if self._whole and beyond else Consistency.UNKNOWN

    @property
    def existence(self) -> Existence:
        """Not known: proofs for all objectives are about rules that see the clock."""
        raise NotApplicableError(
            "whether some objective is consistent is proved of rules that see the clock: clock=True."
        )

    @cached_property
    @within_budget
    def _representatives(self) -> tuple[Tried, ...]:
        """The known consistent objectives; where there are none the declared ones that may cost least in training."""
        consistent = [(o, found) for o, found in self._tried if self._is_within(found)]
        if self._is_within(self._constant):
            consistent.append((self._objective("constant", self._constant.values), self._constant))
        if consistent or not self._tried:
            return tuple(consistent)
        most = [self._costs(found, TRAINING)[0].most[1] for _, found in self._tried]
        return tuple(one for one, cost in zip(self._tried, most, strict=True) if cost == min(most))

    @cached_property
    @within_budget
    def training_regret(self) -> float | None:
        """No less than the least training regret of the worst optimal rule, over the objectives that are known."""
        worst = [self._costs(found, TRAINING)[0].most[1] for _, found in self._representatives]
        return float(min(worst)) if worst else None

    @cached_property
    @within_budget
    def objective_regret(self) -> Interval | None:
        """The training regret of the rules that are optimal for :attr:`objective`, the least and the largest."""
        return self._costs(self.of(), TRAINING)[0].interval if self._representatives else None

    @property
    def weakly_consistent(self) -> bool | None:
        """Whether some rule that is optimal for :attr:`objective` is within the tolerance; ``None`` if not known."""
        if not self._representatives:
            return None
        no_less, no_more = self._costs(self.of(), TRAINING)[0].least
        return True if no_more <= self._siblings.allowed else False if no_less > self._siblings.allowed else None

    @cached_property
    @within_budget
    def reasons(self) -> Reasons:
        """What the verdict rests on."""
        words = [
            f"C1 {'holds' if self._controls else 'fails'}: {'a' if self._controls else 'no'} decision influences "
            f"{' or '.join(f'`{n}`' for n in self.names)}"
        ]
        if self._controls and self._representatives:
            objective, found = self._representatives[0]
            cost, followed = self._costs(found, TRAINING)
            no_less, no_more = map(float, cost.most)
            much = f"{no_more:.6g}" if no_less == no_more else f"{no_less:.6g} to {no_more:.6g}"
            words.append(f"C3: one rule that is optimal for `{objective.name}` loses at most {much} in training")
            if not followed:
                words.append("a clock is worth something to it, so its rules are not told from others")
        return Reasons(self._controls, {}, None, None, tuple(words))

    @property
    def _open(self) -> tuple[Additive, ...]:
        """The objectives looked at that may be consistent too, but are not known to be."""
        if self.consistency is Consistency.EXCLUDED:
            return ()
        known = {member.values for _, member in self._representatives}
        allowed = self._siblings.allowed
        others = (found for found in self._every if found.values not in known)
        return tuple(found for found in others if self._costs(found, TRAINING)[0].most[0] <= allowed)

    def _taken(self, name: str, stale: bool, *, outer: bool) -> Mask:
        model = self.setup.at(name).model
        found = np.zeros((self.setup.horizon, *model.successors.shape[:2]), dtype=bool)
        every = np.ones_like(found)
        members = [member for _, member in self._representatives] + list(self._open if outer else ())
        for member in members:
            followed = self._costs(member, name, stale=stale)[1]
            if followed:
                found |= member.taken(name, stale=stale)
            elif outer:
                found |= every
        if outer and not self._is_all:
            found |= every
        return found & sweeps.reached(model, every)[..., None] if outer else found

    @within_budget
    def by_state(self, deployment: str, *, reading: Reading | str = "competent", about: Mask | None = None) -> Bracket:
        """Return what the optimizers do in each state that they come to, whenever: from both sides.

        Parameters
        ----------
        deployment
            Its name, or ``"training"``.
        reading
            ``"competent"``: the optimizer knows the deployment; ``"stale"``: it believes to be in training.
        about
            The states that are asked about, shape (S,); left out, all of them.
        """
        stale = require_reading(reading) == STALE
        model = self.setup.at(deployment).model
        may_come = np.ones((self.setup.horizon, *model.successors.shape[:2]), dtype=bool)
        comes: Mask = np.asarray(sweeps.reached(model, may_come).any(axis=0))
        comes &= True if about is None else about
        anything = np.repeat(comes[:, None], model.successors.shape[1], axis=1)
        nothing = np.zeros_like(anything)
        found = Bracket(nothing if self._is_all else anything, nothing)
        consistent = self.consistency is Consistency.CONSISTENT
        known = [member for _, member in self._representatives]
        for member in (*known, *self._open):
            if not self._costs(member, deployment, stale=stale)[1]:
                return Bracket(anything, nothing)
            mine = bracket(self.setup, deployment, member.may(TRAINING if stale else deployment), comes)
            found |= mine if consistent and member in known else Bracket(mine.outer, nothing)
        return found

    def settles(self, deployment: str) -> bool:
        """Say whether what the optimizers that know a deployment lose there is known, and not enclosed alone."""
        return self.consistency is Consistency.CONSISTENT and self.deployment_regret[deployment].gap == 0

    def why_open(self, deployment: str, *, reading: Reading | str = "competent") -> str:
        """Say why what is said of a deployment may be no more than a bound."""
        stale = require_reading(reading) == STALE
        if self.consistency is not Consistency.CONSISTENT:
            return f"it is not known whether an objective on {', '.join(self.names)} is consistent"
        if not self._is_all:
            return f"objectives on {', '.join(self.names)} that are not looked at may be consistent"
        members = [(o.name, found) for o, found in self._representatives]
        for name, found in members:
            if not self._costs(found, deployment, stale=stale)[1]:
                return f"a clock is worth something to `{name}`, and its rules are not told from others"
        if self._open:
            return f"it is not known which objectives on {', '.join(self.names)} are consistent"
        return f"of `{members[0][0]}` branch and bound found no end" if members else "no objective is known"

    def _regret(self, name: str, *, stale: bool) -> Interval:
        if not self._representatives:
            return Interval(np.nan, np.nan)
        costs = [self._costs(member, name, stale=stale)[0] for _, member in self._representatives]
        others = [self._costs(member, name, stale=stale)[0] for member in self._open]
        if not self._is_all:
            others.append(enclosed(self.setup, name)[0])
        low = min(cost.least[0] for cost in (*costs, *others)), min(cost.least[1] for cost in costs)
        high = max(cost.most[0] for cost in costs), max(cost.most[1] for cost in (*costs, *others))
        return Enclosed(low, high).interval
