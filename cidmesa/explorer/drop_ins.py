"""Small diagrams to drop into a larger one: the recurring pieces of alignment problems.

>>> list(fragments())
['POMDP step', 'RLHF block', 'Reward register', 'Recommender', 'Red door']
"""

from __future__ import annotations

from collections.abc import Mapping

from cidmesa.diagram import CID


def fragments() -> Mapping[str, CID]:
    """Return the fragments by title.

    ================  ==========================================================================================
    POMDP step        a hidden state, what is seen of it, an action, the next state, the reward of the step
    RLHF block        people's labels train a reward model, which scores responses in their stead
    Reward register   what is rewarded is a register that the action can also reach past the outcome
    Recommender       posts are chosen for clicks, which users' opinions decide and posts change
    Red door          the door that is rewarded, and something red that stands with it
    ================  ==========================================================================================
    """
    return {
        "POMDP step": CID(
            [
                ("state", "observation"), ("observation", "action"), ("state", "next_state"),
                ("action", "next_state"), ("next_state", "reward"),
            ],
            decisions=["action"], utilities=["reward"],
        ),
        "RLHF block": CID(
            [
                ("prompt", "response"), ("values", "labels"), ("labels", "reward_model"), ("prompt", "satisfaction"),
                ("response", "satisfaction"), ("values", "satisfaction"), ("response", "score"), ("prompt", "score"),
                ("reward_model", "score"),
            ],
            decisions=["response"], utilities=["score"],
        ),
        "Reward register": CID(
            [
                ("situation", "act"), ("situation", "outcome"), ("act", "outcome"), ("outcome", "register"),
                ("act", "register"), ("register", "reward"),
            ],
            decisions=["act"], utilities=["reward"],
        ),
        "Recommender": CID(
            [
                ("opinions", "model_of_user"), ("model_of_user", "posts"), ("opinions", "later_opinions"),
                ("posts", "later_opinions"), ("later_opinions", "clicks"), ("posts", "clicks"),
            ],
            decisions=["posts"], utilities=["clicks"],
        ),
        "Red door": CID(
            [
                ("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
                ("go", "at_red"), ("red", "at_red"), ("at_door", "reward"),
            ],
            decisions=["go"], utilities=["reward"],
        ),
    }  # fmt: skip
