"""Reading plain data back: a diagram, a model, a setup, or a study, which is what a file says beyond one setup.

:mod:`cidmesa.interop.plain` says what plain data looks like, :mod:`cidmesa.interop.study` what a study is.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from cidmesa.diagram import CID
from cidmesa.errors import CidmesaError, FileFormatError
from cidmesa.interop.plain import VERSION, Plain
from cidmesa.interop.reader import DIAGRAM, LOOKS, MODEL, SETUP, Fail, Reader, Where, brief, shown
from cidmesa.interop.study import DERIVE, RECIPE, Body, ClaimText, Study
from cidmesa.mesa.setup.training import TRAINING, TrainingSetup
from cidmesa.model import CIM

STUDY: Final = ("title", "source", "story", "arms", "derive", "bodies", "claims")
"""The keys that only studies have."""

CLAIM: Final = (
    "says", "arm", "targets", "consistency", "minimal", "training_regret", "deployment_regret", "intended_regret",
    "robustly_aligned", "shift_class", "body", "share",
)  # fmt: skip
"""The keys of a claim; ``docs/file-format.md`` shows each."""

_ARM: Final = (
    "nodes", "edges", "decisions", "utilities", "latent", "positions", "labels", "units", "levels", "mechanisms",
    "symbols", "deployments", "feedback", "shared_rules", "phases", "learned", "world", "intended", "selects",
    "level_nodes", "derive",
)  # fmt: skip
_WHOLE: Final = ("agents", "seed", "steps", "batch", "examples")
_REAL: Final = ("rate", "entropy")
_MOST: Final = {"agents": 100_000, "steps": 100_000_000, "batch": 1_000_000, "examples": 10_000_000, "seed": 2**63 - 1}


def from_plain(data: Any, fail: Fail | None = None) -> CID | CIM | TrainingSetup | Study:
    """Read what :func:`cidmesa.interop.plain.as_plain` wrote.

    Parameters
    ----------
    data
        Plain data.
    fail
        Called with the path of the entry and what is wrong with it; it raises. Left out, the text names the path.

    Returns
    -------
    CID, CIM, TrainingSetup or Study
        A study if there is a title or anything else that only studies have; a setup if there are deployments or
        anything else that only setups have; a model if there are mechanisms.
    """
    report = fail or _raise
    reader = Reader(lambda where, words: report(where, brief(words)))
    entries = reader.mapping(data, ())
    if entries.get("cidmesa") != VERSION or isinstance(entries.get("cidmesa"), bool):
        reader.fail(("cidmesa",), f"the file says `cidmesa: {VERSION}` first; got {shown(entries.get('cidmesa'))}.")
    reader.known(entries, (), ("cidmesa", *DIAGRAM, *LOOKS, *MODEL, *SETUP, *STUDY))
    return read_study(reader, entries) if any(key in entries for key in STUDY) else reader.whole(entries)


def _raise(where: Where, text: str) -> NoReturn:
    raise FileFormatError(f"{'.'.join(map(str, where)) or 'the data'}: {text}")


def read_study(reader: Reader, entries: Plain) -> Study:
    """Read a study from the entries of a file."""
    base = {key: value for key, value in entries.items() if key not in {"arms", "bodies", "claims", "derive"}}
    arms = reader.mapping(entries.get("arms") or {}, ("arms",))
    derive = {TRAINING: _derive(reader, entries.get("derive"), ("derive",))}
    setups: dict[str, TrainingSetup] = {}
    if not arms:
        setups[TRAINING] = _setup(reader, base, ())
    elif derive[TRAINING]:
        reader.fail(("derive",), "with arms, each arm has its own: arms: {name: {derive: {..}}}.")
    else:
        derive = {}
    for arm, given in arms.items():
        if not isinstance(arm, str) or not arm:
            reader.fail(("arms", arm), f"an arm is called by a text; got {shown(arm)}.")
        changes = reader.mapping(given if given is not None else {}, ("arms", arm), _ARM)
        derive[arm] = _derive(reader, changes.get("derive"), ("arms", arm, "derive"))
        setups[arm] = _setup(reader, _changed(reader, base, changes, arm), ("arms", arm) if changes else ())
    words = {key: reader.text(entries.get(key) or "", (key,)) for key in ("title", "source", "story")}
    return Study(
        setups,
        words["title"],
        words["source"],
        words["story"],
        {arm: options for arm, options in derive.items() if options},
        _bodies(reader, entries.get("bodies")),
        _claims(reader, entries.get("claims"), setups),
    )


def _changed(reader: Reader, base: Plain, changes: Plain, arm: str) -> Plain:
    """Return the entries of an arm: those of the file, with what the arm changes; ``null`` takes away."""
    found = dict(base)
    for key, value in changes.items():
        if (
            key == "mechanisms"
            and value is not None
            and not set(changes) & {"nodes", "edges", "decisions", "utilities"}
        ):
            nodes = reader.mapping(value, ("arms", arm, key))
            found[key] = {**reader.mapping(base.get(key, {}), (key,)), **nodes}
        elif value is None:
            found.pop(key, None)
        elif key != "derive":
            found[key] = value
    return found


def _setup(reader: Reader, entries: Plain, where: Where) -> TrainingSetup:
    outer = reader.fail
    within = Reader(lambda inner, words: outer((*where, *inner), words)) if where else reader
    found = within.whole(entries)
    if isinstance(found, TrainingSetup):
        return found
    if isinstance(found, CIM) and found.rules:
        reader.fail(("rules",), "training learns the rules: leave them out.")
    try:
        return TrainingSetup(found)
    except CidmesaError as error:
        reader.fail(where, str(error))


def _derive(reader: Reader, data: Any, where: Where) -> dict[str, Any]:
    """Read options of the derivation."""
    given = reader.mapping(data if data is not None else {}, where, DERIVE)
    found = dict(given)
    for key in ("tolerance", "max_targets"):
        if key in given and (isinstance(given[key], bool) or not isinstance(given[key], int | float)):
            reader.fail((*where, key), f"a number is expected here; got {shown(given[key])}.")
    if "targets" in given:
        targets = given["targets"]
        if not isinstance(targets, list):
            reader.fail(
                (*where, "targets"), f"a list of names, or of lists of names, is expected; got {shown(targets)}."
            )
        found["targets"] = [
            target if isinstance(target, str) else tuple(reader.names(target, (*where, "targets", i)))
            for i, target in enumerate(targets)
        ]
    if "prior" in given:
        from cidmesa.mesa.candidates.prior import SimplicityPrior

        numbers = reader.mapping(given["prior"], (*where, "prior"), ("weight", "sharpness", "samples", "bits"))
        with reader.at(*where, "prior"):
            found["prior"] = SimplicityPrior(**numbers)
    return found


def _bodies(reader: Reader, data: Any) -> dict[str, Body]:
    found = {}
    for name, given in reader.mapping(data if data is not None else {}, ("bodies",)).items():
        where: Where = ("bodies", name)
        if not isinstance(name, str) or not name:
            reader.fail(where, f"a body is called by a text; got {shown(name)}.")
        recipe = dict(reader.mapping(given if given is not None else {}, where, ("description", *RECIPE)))
        description = reader.text(recipe.pop("description", ""), (*where, "description"))
        for key, value in recipe.items():
            _check_option(reader, key, value, (*where, key))
        found[name] = Body(description, recipe)
    return found


def _check_option(reader: Reader, key: str, value: Any, where: Where) -> None:
    if key in {"learner", "policy"}:
        reader.text(value, where)
    elif key in _WHOLE:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST[key]:
            reader.fail(where, f"a whole number of at most {_MOST[key]:,} is expected here; got {shown(value)}.")
    elif key in _REAL:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            reader.fail(where, f"a number that is not negative is expected here; got {shown(value)}.")
    elif key == "hidden":
        if not isinstance(value, list) or not all(type(width) is int and 1 <= width <= 10_000 for width in value):
            reader.fail(where, f"a list of layer widths such as [32] is expected here; got {shown(value)}.")
    else:
        for node, code in reader.mapping(value, where).items():
            bits = reader.mapping(code, (*where, node), ("parity",)).get("parity")
            if type(bits) is not int or not 1 <= bits <= 12:
                reader.fail((*where, node), f"an encoder is {{parity: k}} with 1 <= k <= 12; got {shown(code)}.")


def _claims(reader: Reader, data: Any, setups: dict[str, TrainingSetup]) -> tuple[ClaimText, ...]:
    if data is not None and not isinstance(data, list):
        reader.fail(("claims",), f"a list of claims is expected here; got {shown(data)}.")
    found = []
    for i, given in enumerate(data or []):
        where: Where = ("claims", i)
        holds = dict(reader.mapping(given, where, CLAIM))
        says = reader.text(holds.pop("says", None), (*where, "says"))
        if not set(holds) - {"arm", "targets", "body"}:
            reader.fail(where, f"the claim says nothing that can be looked at: give one of {', '.join(CLAIM[3:])}.")
        arm = holds.get("arm", next(iter(setups)))
        if not isinstance(arm, str) or arm not in setups:
            reader.fail((*where, "arm"), f"{shown(arm)} is none of the arms {', '.join(setups)}.")
        reader.names(holds.get("targets"), (*where, "targets"))
        _check_claim(reader, holds, where)
        found.append(ClaimText(says, holds))
    return tuple(found)


def _check_claim(reader: Reader, holds: Plain, where: Where) -> None:
    if holds.get("consistency", "consistent") not in ("consistent", "excluded", "unknown"):
        reader.fail((*where, "consistency"), "consistent, excluded or unknown is expected here.")
    if not isinstance(holds.get("minimal", True), bool):
        reader.fail((*where, "minimal"), "true or false is expected here.")
    for key in ("training_regret",):
        if key in holds:
            _check_range(reader, holds[key], (*where, key))
    for key in ("deployment_regret", "intended_regret", "robustly_aligned", "shift_class"):
        for name, value in reader.mapping(holds.get(key, {}), (*where, key)).items():
            place: Where = (*where, key, name)
            if key in {"deployment_regret", "intended_regret"}:
                _check_range(reader, value, place)
            elif key == "robustly_aligned" and not isinstance(value, bool):
                reader.fail(place, "true or false is expected here.")
            elif key == "shift_class":
                reader.text(value, place)
    if "share" in holds:
        share = dict(reader.mapping(holds["share"], (*where, "share"), ("in", "above", "below")))
        reader.text(share.pop("in", None), (*where, "share", "in"))
        if len(share) != 1 or not all(_is_share(value) for value in share.values()):
            reader.fail(
                (*where, "share"), "a share of agents is {in: deployment, above: x}, or below: x, with 0 <= x <= 1."
            )
    if "body" in holds:
        reader.text(holds["body"], (*where, "body"))


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _check_range(reader: Reader, value: Any, where: Where) -> None:
    pair = value if isinstance(value, list) else [value, value]
    good = len(pair) == 2 and all(isinstance(x, int | float) and not isinstance(x, bool) for x in pair)
    if not good or not pair[0] <= pair[1]:
        reader.fail(where, f"a number, or [low, high], is expected here; got {shown(value)}.")
