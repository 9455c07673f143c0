"""Diagrams of the papers on incentives: fairness, safety, and the trimming of information links.

The edges of these were compared with the examples and tests of pycid, the companion library of the same authors.
"""

from __future__ import annotations

from cidmesa.diagram import CID
from cidmesa.literature.record import Example, Expected

_AAAI = "T. Everitt et al., 'Agent incentives: a causal perspective', AAAI 2021"
_ASHURST = "C. Ashurst et al., 'Why fair labels can yield unfair predictions', AAAI 2022"
_UNDERSTANDING = "T. Everitt et al., 'Understanding agent incentives using causal influence diagrams', 2019"

_GRADES = [
    ("race", "high_school"),
    ("high_school", "education"),
    ("education", "grade"),
    ("high_school", "predicted_grade"),
    ("gender", "predicted_grade"),
    ("grade", "accuracy"),
    ("predicted_grade", "accuracy"),
]

GRADE_PREDICTOR = Example(
    name="grade-predictor",
    title="A university predicts applicants' grades from their high school and gender",
    cid=CID(_GRADES, decisions=["predicted_grade"], utilities=["accuracy"]),
    source=f"{_AAAI}, Fig. 2a",
    expected=(
        Expected("voi", ("high_school", "education", "grade"), ("race", "gender"), where="Thm 9", published=True),
        Expected("ri", ("race", "high_school"), ("education", "grade", "gender"), where="Thm 12", published=True),
        Expected("unfairness", ("race",), ("gender",), where="Thm 14", published=True),
        Expected("voc", ("race", "high_school", "education", "grade"), ("gender",), where="Thm 16"),
        Expected("ici", (), ("race", "high_school", "education", "grade", "gender"), where="Thm 18"),
        Expected("requisite", ("high_school",), ("gender",), where="d-separation given the decision's family"),
    ),
    figure_checked=True,
)

GRADE_PREDICTOR_BLIND = Example(
    name="grade-predictor-without-high-school",
    title="The same without the high school: no response incentive on race is left",
    cid=GRADE_PREDICTOR.cid.without_edges(("high_school", "predicted_grade")),
    source=f"{_AAAI}, Fig. 2b",
    expected=(
        Expected("voi", ("race", "high_school", "education", "grade"), ("gender",), where="Thm 9", published=True),
        Expected("ri", (), ("race", "high_school", "education", "grade", "gender"), where="Thm 12", published=True),
        Expected("unfairness", (), ("race", "gender"), where="Thm 14", published=True),
    ),
    figure_checked=True,
)

CONTENT_RECOMMENDER = Example(
    name="content-recommender",
    title="A recommender of posts is paid for clicks, which users' opinions decide",
    cid=CID(
        [
            ("original_opinions", "influenced_opinions"),
            ("original_opinions", "model_of_opinions"),
            ("model_of_opinions", "posts"),
            ("posts", "influenced_opinions"),
            ("influenced_opinions", "clicks"),
            ("posts", "clicks"),
        ],
        decisions=["posts"],
        utilities=["clicks"],
    ),
    source=f"{_AAAI}, Figs. 1b and 3a",
    expected=(
        Expected(
            "ici",
            ("influenced_opinions",),
            ("original_opinions", "model_of_opinions"),
            where="Thm 18",
            published=True,
        ),
        Expected(
            "voc",
            ("original_opinions", "model_of_opinions", "influenced_opinions"),
            where="Thm 16",
            published=True,
        ),
        Expected("voi", ("original_opinions", "model_of_opinions"), where="Thm 9"),
        Expected("ri", ("original_opinions", "model_of_opinions"), ("influenced_opinions",), where="Thm 12"),
    ),
    figure_checked=True,
)

MODIFIED_CONTENT_RECOMMENDER = Example(
    name="modified-content-recommender",
    title="The same, paid for the clicks that a model of the original opinions predicts",
    cid=CID(
        [
            ("original_opinions", "influenced_opinions"),
            ("original_opinions", "model_of_opinions"),
            ("model_of_opinions", "posts"),
            ("posts", "influenced_opinions"),
            ("posts", "predicted_clicks"),
            ("model_of_opinions", "predicted_clicks"),
        ],
        decisions=["posts"],
        utilities=["predicted_clicks"],
    ),
    source=f"{_AAAI}, Fig. 3b",
    expected=(
        Expected(
            "ici",
            (),
            ("influenced_opinions", "original_opinions", "model_of_opinions"),
            where="Thm 18",
            published=True,
        ),
        Expected(
            "voc",
            ("original_opinions", "model_of_opinions"),
            ("influenced_opinions",),
            where="Thm 16",
            published=True,
        ),
        Expected("voi", ("model_of_opinions",), ("original_opinions",), where="Thm 9"),
    ),
    figure_checked=True,
)

FITNESS_TRACKER = Example(
    name="fitness-tracker",
    title="A fitness tracker estimates the calories that its wearer burnt",
    cid=CID(
        [
            ("TD", "TF"),
            ("TF", "SC"),
            ("TF", "C"),
            ("EF", "EWD"),
            ("EWD", "C"),
            ("C", "F"),
            ("P", "D"),
            ("P", "SC"),
            ("P", "F"),
            ("SC", "C"),
            ("SC", "EWD"),
        ],
        decisions=["C"],
        utilities=["F"],
    ),
    source=f"{_UNDERSTANDING}; edges and answers as in pycid's story_cids and test_analyze",
    expected=(
        Expected("voc", ("P", "SC"), where="value of control, P directly, SC through the estimate C", published=True),
        Expected("voc", ("TF", "TD"), ("EF", "EWD", "D"), where="Thm 16 of the AAAI paper"),
        Expected("voi", ("SC", "TF", "P", "D"), ("EWD", "EF", "TD"), where="Thm 9 of the AAAI paper"),
        Expected("ri", ("SC", "TF", "TD", "P"), ("EWD", "EF", "D"), where="Thm 12 of the AAAI paper"),
    ),
    figure_checked=True,
    note=(
        "Node names are the companion code's abbreviations. Its test denies TF an indirect value of control, by an "
        "older definition; Theorem 16 grants TF value of control: the firmware explains the step count away, so it is "
        "a requisite observation of C."
    ),
)

INTRODUCED_BIAS = Example(
    name="introduced-bias",
    title="A predictor of a fair label treats the groups of A differently all the same",
    cid=CID(
        [("A", "X"), ("Z", "X"), ("Z", "Y"), ("X", "D"), ("X", "Y"), ("D", "U"), ("Y", "U")],
        decisions=["D"],
        utilities=["U"],
    ),
    source=f"{_ASHURST}; edges and answers as in pycid's story_cids and test_analyze",
    expected=(
        Expected("voi", ("A", "X", "Z", "Y"), where="Thm 9 of the AAAI paper", published=True),
        Expected("introduced_unfairness", ("A",), where="Ashurst et al.", published=True, label="Y"),
        Expected("ri", ("A", "X", "Z"), ("Y",), where="Thm 12 of the AAAI paper"),
        Expected("ici", (), ("A", "X", "Z", "Y"), where="Thm 18 of the AAAI paper"),
    ),
    figure_checked=True,
    note="With fair coins A and Z, X = A·Z, Y = X + Z and squared error, the introduced total effect of A is 1/3.",
)

CAR_ACCIDENT_PREDICTOR = Example(
    name="car-accident-predictor",
    title="An insurer predicts accidents from a proxy that is correlated with what it may not use",
    cid=CID(
        [
            ("B", "N"),
            ("N", "AP"),
            ("N", "P"),
            ("P", "Race"),
            ("Age", "Adt"),
            ("Adt", "Race"),
            ("Race", "Accu"),
            ("M", "AP"),
            ("AP", "Accu"),
        ],
        decisions=["AP"],
        utilities=["Accu"],
    ),
    source=f"{_UNDERSTANDING}; edges as in pycid's story_cids",
    expected=(
        Expected("voi", ("N", "P", "Race", "Age", "Adt"), ("M", "B"), where="Thm 9 of the AAAI paper"),
        Expected("ri", ("B", "N"), ("P", "Race", "Age", "Adt", "M"), where="Thm 12 of the AAAI paper"),
        Expected("voc", ("B", "N", "P", "Race", "Age", "Adt"), ("M",), where="Thm 16 of the AAAI paper"),
        Expected("ici", (), ("B", "N", "P", "Race", "Age", "Adt", "M"), where="Thm 18 of the AAAI paper"),
    ),
    figure_checked=True,
    note="Node names are the companion code's abbreviations; the answers are worked out, the source prints others.",
)

TRIMMING = Example(
    name="trimming",
    title="Cutting one link makes another nonrequisite: twelve edges shrink to seven",
    cid=CID(
        [
            ("Y1", "D1"),
            ("Y1", "Y2"),
            ("Y1", "D2"),
            ("Y2", "D2"),
            ("Y2", "U"),
            ("D1", "Y2"),
            ("D1", "D2"),
            ("Z1", "D1"),
            ("Z1", "D2"),
            ("Z1", "Z2"),
            ("Z2", "D2"),
            ("D2", "U"),
        ],
        decisions=["D1", "D2"],
        utilities=["U"],
    ),
    source="pycid's trimming example (get_trim_example_cid and its tests), after Nilsson and Lauritzen 2000",
    expected=(
        Expected("requisite", ("Y2",), ("Y1", "D1", "Z1", "Z2"), "D2", "d-separation given the family", published=True),
        Expected("voi", ("Y1",), ("Z1",), "D1", "the minimal reduction", published=True),
    ),
    figure_checked=True,
)

INCENTIVES: tuple[Example, ...] = (
    GRADE_PREDICTOR,
    GRADE_PREDICTOR_BLIND,
    CONTENT_RECOMMENDER,
    MODIFIED_CONTENT_RECOMMENDER,
    FITNESS_TRACKER,
    INTRODUCED_BIAS,
    CAR_ACCIDENT_PREDICTOR,
    TRIMMING,
)
