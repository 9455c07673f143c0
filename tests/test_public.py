"""The public surface: every name is there, and importing the package loads nothing heavy.

How long the import takes is measured by ``tests/benchmarks/bench_import.py``.
"""

# ruff: noqa: E501 - a signature is a line

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from enum import Enum
from typing import Any

import pytest

import cidmesa as cm


def described(value: Any) -> str:
    """Say what a public name is: the kind of class it is, or its arguments; ``*`` before those given by name alone."""
    if isinstance(value, type):
        if issubclass(value, BaseException):
            return "error"
        if issubclass(value, Enum):
            return "enum " + ", ".join(value.__members__)
    if not callable(value):
        return type(value).__name__
    given = inspect.signature(value).parameters.values()
    star = {
        inspect.Parameter.KEYWORD_ONLY: "*",
        inspect.Parameter.VAR_POSITIONAL: "",
        inspect.Parameter.VAR_KEYWORD: "",
    }
    return ", ".join(star.get(p.kind, "") + str(p.replace(annotation=p.empty)) for p in given)


# A change of this list is a change of the public surface: the change log tells of it.
SURFACE = {
    'Agents': 'recipe, _params, predictions=None, earned=(), registered=None, stopped=(), curve=(), _kept=()',
    'Answer': 'enum ADMITS, EXCLUDES, UNKNOWN',
    'Bernoulli': 'p',
    'CID': 'edges=(), *nodes=(), *decisions=(), *utilities=(), *latent=(), *bidirected=(), *attributes=mappingproxy({})',
    'CIM': 'cid, mechanisms=None, **named',
    'Categorical': 'probabilities',
    'Choice': 'actions, allowed=None',
    'Chain': 'steps, gone, added=(), claim=None, agent=None, ignored=()',
    'CidmesaError': 'error',
    'Deployment': 'shifts, edges=()',
    'DiagramError': 'error',
    'DiagramEnv': "model, *deployment='training', *encoders=None, *render_mode=None",
    'DiagramVectorEnv': "model, num_envs=16, *deployment='training', *encoders=None, *autoreset_mode=<AutoresetMode.NEXT_STEP: 'NextStep'>",
    'Distribution': 'names, domains, probabilities',
    'FileFormatError': 'error',
    'Function': 'f, domain=None, noise=None',
    'IncentiveReport': "cid, *search=True, *budget='default', *others='fixed', *shared_rules=()",
    'Levels': 'table, cid, mechanisms, root=None',
    'MechanismError': 'error',
    'MissingDependencyError': 'error',
    'Noisy': 'f, p, domain=None',
    'NotApplicableError': 'error',
    'OutOfTimeError': 'error',
    'Path': 'nodes, given=None, added=(), removed=(), reduced=(), without=frozenset(), cut=(), mechanised=False, ignored=(), besides=()',
    'Phases': 'train, update, deploy',
    'Rows': 'rows, default=None, domain=None',
    'SeparatingSet': 'xs, ys, given, added=(), removed=(), without=frozenset(), cut=(), mechanised=False, paid=(), ignored=(), besides=()',
    'Separation': 'nodes, mechanisms, deployment, certain, possible, frozen_certain, frozen_possible, visible, lower_bound=False, declared_only=False',
    'SequenceSetup': "step, horizon, deployments=None, *selects='expected', *level_nodes=None, *clock=True",
    'SimplicityPrior': 'weight=1.0, sharpness=1.0, samples=1000, bits=8',
    'Solution': 'model, value, exact, method, results, upper_bound=None, off=inf',
    'Structural': 'noise, outcome, domain',
    'Table': 'values, domain=None, parents=None, *normalise=False',
    'TrainingSetup': 'base, deployments=None, feedback=(), shared_rules=(), phases=None, learned=None, world=None, intended=None, selects=\'expected\', level_nodes=None',
    'Uniform': '*values',
    'UnknownNodeError': 'error',
    'Verdict': "cid, criterion, nodes, decision, settled=None, reason='', assumptions=(), search=True, *cut_edges=(), *label=None, *others='fixed', *shared_rules=()",
    'WorkerLostError': 'error',
    'adaptation': 'agents, family, *deployments=None, *steps=None, *seed=0, *progress=True',
    'admits_deception': 'cid, node, decision=None, *target=None',
    'admits_ici': "cid, node, decision=None, *others='fixed'",
    'admits_impact': 'cid, node, decision=None',
    'admits_intention': 'cid, node, decision=None',
    'admits_introduced_unfairness': 'cid, node, decision=None, *label=None',
    'admits_path_specific_ici': 'cid, node, decision=None, *cut_edges=()',
    'admits_relevance': 'cid, node, decision=None',
    'admits_ri': "cid, node, decision=None, *others='fixed'",
    'admits_unfairness': 'cid, node, decision=None',
    'admits_voc': "cid, node, decision=None, *direct=None, *others='fixed'",
    'admits_voi': "cid, node, decision=None, *others='fixed'",
    'alignment_gap': 'a, b, model',
    'alignment_region': 'setup, target, *objective=None',
    'behavioural_objective': 'agents, targets, *model=None',
    'coherence': 'choices, *prices=None',
    'counterfactual': 'model, names, *given=None, *do=None, *cut_edges=(), *policy=None',
    'derive_mesa_optimizers': "setup, *targets=None, *max_targets=1, *objectives=None, *tolerance=0.0, *prior=None, *budget='default'",
    'discover_agents': 'system, interventions=None, *model=None, *lifted=None, *predicted=None, *nodes=None, *backgrounds=None, *margin=0.05, *seed=0, *progress=True',
    'distinguishing_training': "setup, target, *weights=(0.01, 0.1, 0.5), *observables=None, *tolerance=0.0, *budget='default'",
    'from_causallearn': 'graph, *decisions=(), *utilities=(), *orient=()',
    'from_dagitty': 'text, *decisions=None, *utilities=None',
    'from_networkx': "graph, *decisions=None, *utilities=None, *kind='kind', *agent='agent'",
    'from_pgmpy': "network, *decisions=(), *utilities=(), *keep_rules=False, *stochastic_utilities='refuse'",
    'from_pyagrum': 'diagram',
    'from_pycid': "diagram, *stochastic_utilities='refuse'",
    'gaps': 'family, agents=None, *targets=None',
    'goal_directedness': 'policy, model, objective=None, *targets=None, *capability=None',
    'harm': 'model, *default, *decision=None, *policy=None',
    'impact': 'model, node, baseline, decision=None, *policy=None, *max_profiles=4096',
    'incentives': "cid, *search=True, *budget='default', *others='fixed', *shared_rules=()",
    'instrumental_control_effect': 'model, node, decision=None, *policy=None, *max_profiles=4096',
    'intention': 'model, node, decision=None, *policy=None, *alternatives=None, *max_trials=20000',
    'introduced_total_effect': 'model, node, label, decision=None, *reference=LEFT_OUT, *treatment=LEFT_OUT, *policy=None, *max_profiles=4096',
    'is_soluble': 'cid, agent=Ellipsis',
    'levels': 'table, *decision, *outcomes, *score, *observed, *root=False, *weights=None, *training=None',
    'lift_context': 'cid, nodes',
    'mechanise': 'cid',
    'minimal_reduction': 'cid, decisions=None, *kept=()',
    'read': 'path, *decisions=(), *utilities=(), *recall=None, *normalise=False',
    'reasoning_patterns': 'cid',
    'relevance_graph': 'cid',
    'report': 'family, agents=None, report=None, *title=None',
    'required_agents': 'family, effect, power=0.8, *alpha=0.05, *kappa=0.2',
    'revealed_choices': 'agents, model, *menu=None, *prices=None, *draws=0, *seed=0',
    'response_effect': 'model, node, decision=None, *policy=None, *max_profiles=4096',
    'sensitivity': 'cid, verdict, *edges=None',
    'separating_shifts': "setup, a, b, *size=2, *tolerance=0.0, *budget='default'",
    'to_dagitty': 'diagram',
    'to_networkx': "diagram, *kind='kind', *agent='agent'",
    'to_pgmpy': 'model, policy=None',
    'to_pyagrum': 'model, *joined=True',
    'to_pycid': 'model',
    'total_effect': 'model, node, outcome, reference=LEFT_OUT, treatment=LEFT_OUT, *policy=None, *cut_edges=()',
    'train': "setup, *family=None, *learner='reinforce', *policy='mlp', *agents=32, *seed=0, *progress=True, *checkpoint=None, *checkpoints=(), *executor=None, *store=None, *block=None, **schedule",
    'unroll': 'step, steps',
    'validate': 'family, agents, *reading=None, *alpha=0.05, *kappa=0.2, *margin=0.05, *draws=10000, *retrain=True, *seed=0, *progress=True, *organism_of=None, *executor=None, *store=None, *inside=None',
    'validate_along': 'family, agents, *reading=None, *draws=10000, *seed=0, *progress=True, *organism_of=None, *inside=None',
    'value_of_control': 'model, node, decision=None',
    'value_of_information': 'model, node, decision=None',
    'write': 'obj, path',
}  # fmt: skip

HEAVY = ["torch", "gymnasium", "pgmpy", "sympy", "matplotlib", "pandas", "scipy", "networkx"]


def run(code: str) -> object:
    """Run `code` in a fresh interpreter and read what it prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_loads_nothing_heavy() -> None:
    loaded = run(f"import json, sys, cidmesa; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))")
    assert loaded == []


@pytest.mark.parametrize("name", [name for name in dir(cm) if not name.startswith("_")])
def test_every_public_name_loads(name: str) -> None:
    assert getattr(cm, name) is not None


def test_incentives_is_the_function_whatever_was_imported_before() -> None:
    code = "import json, cidmesa.criteria, cidmesa.mesa, cidmesa as cm; print(json.dumps(callable(cm.incentives)))"
    assert run(code) is True


def test_an_unknown_name_comes_with_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="did you mean `incentives`"):
        cm.incentivs  # noqa: B018


def test_the_public_surface_is_what_is_written_here() -> None:
    plain = {name for name, value in vars(cm).items() if not name.startswith("_") and not inspect.ismodule(value)}
    found = {name: described(getattr(cm, name)) for name in sorted(plain | set(cm._HOME))}
    assert found == SURFACE
