"""Exact numbers."""

from cidmesa.solve.optimal import solve as solve
from cidmesa.solve.policy import Solution as Solution
from cidmesa.solve.query import Distribution as Distribution
from cidmesa.solve.query import context_law as context_law
from cidmesa.solve.query import expected_utility as expected_utility
from cidmesa.solve.query import joint as joint
from cidmesa.solve.query import outcome_law as outcome_law
from cidmesa.solve.query import query as query
