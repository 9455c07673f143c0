"""Every example diagram that pycid ships, and how to make it; tests are skipped where pycid is not installed."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from importlib.util import find_spec
from typing import Any

import pytest

import cidmesa as cm
from cidmesa.interop.pycid import enable

CIDS = {
    "simple_cids": (
        "get_2dec_cid",
        "get_3node_cid",
        "get_5node_cid",
        "get_5node_cid_with_scaled_utility",
        "get_insufficient_recall_cid",
        "get_minimal_cid",
        "get_quantitative_voi_cid",
        "get_sequential_cid",
        "get_trim_example_cid",
    ),
    "story_cids": (
        "get_car_accident_predictor",
        "get_content_recommender",
        "get_content_recommender2",
        "get_fitness_tracker",
        "get_grade_predictor",
        "get_introduced_bias",
        "get_modified_content_recommender",
    ),
}
GAMES = {
    "simple_macids": (
        "basic2agent_tie_break",
        "basic_different_dec_cardinality",
        "get_basic_subgames",
        "get_basic_subgames2",
        "get_basic_subgames3",
        "get_path_example",
        "subgame_mixed_spe",
        "two_agent_no_pne",
        "two_agent_one_pne",
        "two_agent_two_pne",
        "two_agents_three_actions",
    ),
    "story_macids": (
        "battle_of_the_sexes",
        "forgetful_movie_star",
        "matching_pennies",
        "modified_taxi_competition",
        "politician",
        "prisoners_dilemma",
        "road_example",
        "robot_warehouse",
        "sequential",
        "signal",
        "subgame_difference",
        "taxi_competition",
        "tree_doctor",
        "triage",
        "umbrella",
    ),
}
NETWORKS = {"simple_cbns": ("get_3node_cbn", "get_3node_uniform_cbn", "get_fork_cbn", "get_minimal_cbn")}

SINGLE = [name for names in CIDS.values() for name in names]
SEVERAL = [name for names in GAMES.values() for name in names]
ALL = [*SINGLE, *SEVERAL, *(name for names in NETWORKS.values() for name in names)]
WITHOUT_NUMBERS = {
    "get_trim_example_cid",
    "get_car_accident_predictor",
    "get_content_recommender",
    "get_content_recommender2",
    "get_fitness_tracker",
    "get_grade_predictor",
    "get_modified_content_recommender",
    "get_basic_subgames",
    "get_basic_subgames2",
    "get_basic_subgames3",
    "get_path_example",
    "forgetful_movie_star",
    "politician",
    "road_example",
    "sequential",
    "subgame_difference",
    "tree_doctor",
    "triage",
}
_HOME = {name: module for group in (CIDS, GAMES, NETWORKS) for module, names in group.items() for name in names}

needs_pycid = pytest.mark.skipif(find_spec("pycid") is None, reason="pycid is not installed: make setup installs it")


def theirs(name: str) -> Any:
    """Make the example, anew each time: many of pycid's calls change what they are given."""
    enable()
    return getattr(importlib.import_module(f"pycid.examples.{_HOME[name]}"), name)()


@cache
def ours(name: str) -> cm.CID | cm.CIM:
    """Return the example as read by cidmesa: a model where it has numbers, else a diagram."""
    return cm.from_pycid(theirs(name))


def diagram(name: str) -> cm.CID:
    """Return the example's diagram."""
    found = ours(name)
    return found if isinstance(found, cm.CID) else found.cid


def model(name: str) -> cm.CIM:
    """Return the example's model."""
    found = ours(name)
    assert isinstance(found, cm.CIM)
    return found


def numbered(names: list[str]) -> list[str]:
    """Return those examples that have numbers."""
    return [name for name in names if name not in WITHOUT_NUMBERS]


def shipped() -> set[str]:
    """Return the names of all the examples that the installed pycid has."""
    enable()
    found = set()
    for module in set(_HOME.values()):
        loaded = importlib.import_module(f"pycid.examples.{module}")
        functions = inspect.getmembers(loaded, inspect.isfunction)
        found |= {name for name, function in functions if function.__module__ == loaded.__name__}
    return found
