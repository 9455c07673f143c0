r"""How a node gets its value.

A *mechanism* :math:`M_V` turns the values of :math:`V`'s parents into a distribution of :math:`V` (chance), a number
(utility), or is left open (decision: only the domain is stated). Spelling follows pycid: a list is a decision's
domain, a function's argument names are its parents.

=======================================  =================================================================
``Uniform("sun", "rain")``               each value alike, whatever the parents
``Bernoulli(.3)``                        1 with probability .3, else 0
``Categorical({"a": .2, "b": .8})``      these probabilities
``lambda door: door``, ``Function(f)``   a value, or ``{value: probability}``, from the parents' values
``Function(f, noise=Categorical(..))``   the same with explicit exogenous noise, f's argument ``noise``
``Noisy(f, .1)``                         with probability .1 one of the other values, uniformly
``Rows({("left", "sun"): 1, ..})``       a sparse map from parent contexts
``Table([[.1, .9], [1, 0]])``            dense numbers: axes are the parents, then the node
a numpy array or nested list             the same as ``Table``
a pgmpy ``TabularCPD``                   read as a table, states matched by name
``Structural(noise, outcome, domain)``    a function of parents and noise, in tables
``Choice(["left", "right"])``, a list    a decision and its domain
``Choice([..], allowed=lambda x: ..)``   the same, with the actions that are allowed in each context
=======================================  =================================================================

Probabilities and utilities may be sympy expressions. Mechanisms are values; they are checked against the diagram
when a model is made of them (:class:`cidmesa.CIM`), and compiled to tables when first asked for.

A mechanism is *structural* where it is a function of the parents and of independent noise: only then do
counterfactuals have a meaning. Roots, functions, ``Noisy`` and deterministic tables are; a stochastic table with
parents is not, because many functions share it.

=================  ================================================
module             what it holds
=================  ================================================
``place``          where a mechanism stands: node, parents, domains
``numbers``        numbers, symbols and their arrays
``distributions``  `Uniform`, `Bernoulli`, `Categorical`
``functions``      `Function`, `Noisy`, `Rows`
``tables``         `Table`, `Structural`
``reading``        mechanisms as users write them
``allowed``        which actions a decision may take
``policies``       rules as users write them
``symbols``        sympy expressions in tables
=================  ================================================
"""

from cidmesa.mechanisms.allowed import Allowed as Allowed
from cidmesa.mechanisms.distributions import Bernoulli as Bernoulli
from cidmesa.mechanisms.distributions import Categorical as Categorical
from cidmesa.mechanisms.distributions import Uniform as Uniform
from cidmesa.mechanisms.functions import Function as Function
from cidmesa.mechanisms.functions import Noisy as Noisy
from cidmesa.mechanisms.functions import Rows as Rows
from cidmesa.mechanisms.numbers import is_number as is_number
from cidmesa.mechanisms.numbers import is_symbolic as is_symbolic
from cidmesa.mechanisms.numbers import position_of as position_of
from cidmesa.mechanisms.numbers import without_expressions as without_expressions
from cidmesa.mechanisms.place import MAX_TABLE as MAX_TABLE
from cidmesa.mechanisms.place import ROW_SUM_TOLERANCE as ROW_SUM_TOLERANCE
from cidmesa.mechanisms.place import Compiled as Compiled
from cidmesa.mechanisms.place import Domain as Domain
from cidmesa.mechanisms.place import Mechanism as Mechanism
from cidmesa.mechanisms.place import Place as Place
from cidmesa.mechanisms.place import Response as Response
from cidmesa.mechanisms.place import Value as Value
from cidmesa.mechanisms.place import structural as structural
from cidmesa.mechanisms.reading import Choice as Choice
from cidmesa.mechanisms.reading import as_mechanism as as_mechanism
from cidmesa.mechanisms.reading import as_rule as as_rule
from cidmesa.mechanisms.tables import Structural as Structural
from cidmesa.mechanisms.tables import Table as Table
from cidmesa.mechanisms.tables import TabularMechanism as TabularMechanism
