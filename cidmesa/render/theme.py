"""How a causal influence diagram looks: shapes, colours, sizes.

The conventions are those of the `cid-latex` package of the Causal Incentives group: chance nodes round, decisions
square, utilities octagonal; information links dotted; incentives marked by coloured rings. Colour never carries a
meaning alone: agents also have numbers, rings also differ in their dashes, changed links in both.
"""

from __future__ import annotations

from typing import Final

FONT: Final = "Helvetica, Arial, 'DejaVu Sans', 'Liberation Sans', sans-serif"
LABEL_SIZE: Final = 14.0
NOTE_SIZE: Final = 11.0
TITLE_SIZE: Final = 15.0

INK: Final = "#243240"
MUTED: Final = "#4a5664"
PAPER: Final = "#ffffff"
CHANCE: Final = "#f7f8fa"
FRAME: Final = "#c6ced6"
FRAME_FILL: Final = "#fbfcfd"
ADDED: Final = "#8a3fc7"
REMOVED: Final = "#74808d"

AGENTS: Final = ("#cfe3f8", "#fbd9c8", "#d5edd0", "#fbeebb", "#e3d8f3", "#cdecea", "#f8d5e4", "#e6ded1")
"""One pastel per agent, in the order of `cid.agents`; the ninth agent gets the first again, and its number tells."""

RINGS: Final[dict[str, tuple[str, str, str]]] = {
    "voi": ("#1d6fd8", "", "value of information"),
    "voc": ("#c76a00", "7 3", "value of control"),
    "ri": ("#23964a", "2 2.5", "response incentive"),
    "ici": ("#d22f2d", "10 3 2 3", "instrumental control incentive"),
}
"""Criterion → colour, dashes, words; drawn from the inside out in this order."""

SHORT: Final = {"voi": "VoI", "voc": "VoC", "ri": "RI", "ici": "ICI"}
"""What the criteria are called where there is little room."""

PROOF: Final = "#f0b429"
"""The broad band behind the links of a proof."""
BAR: Final = "#5b84b1"

CUT: Final = 0.34
"""How much of its lesser side the octagon of a utility loses at each corner: it must not pass for a rectangle."""

RING_GAP: Final = 4.0
RING_WIDTH: Final = 2.2
LINE_WIDTH: Final = 1.4
ARROW: Final = 9.0
DOTS: Final = "1.5 3.2"
DASHES: Final = "6 4"

PAD_ACROSS: Final = 13.0
NODE_HEIGHT: Final = 36.0
NODE_WIDTH: Final = 46.0
LABEL_LINE: Final = 17.0
NOTE_LINE: Final = 13.5
SHARE_LINE: Final = 13.0
LABEL_ROOM: Final = 160.0
NOTE_ROOM: Final = 130.0
TITLE_ROOM: Final = 340.0
BAR_ROOM: Final = 46.0
MOST_SHARES: Final = 6
NODE_GAP: Final = 26.0
LAYER_GAP: Final = 40.0
GROUP_GAP: Final = 22.0
PAGE_MARGIN: Final = 12.0


def agent_colour(agent: int) -> str:
    """Return the pastel of the agent with this number, counted from 1."""
    return AGENTS[(agent - 1) % len(AGENTS)]
