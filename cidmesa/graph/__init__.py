"""What structure alone decides: d-separation, requisite observations, reduction, relevance, solubility.

=================================== ================================================ ========================
notion                              source                                           function
=================================== ================================================ ========================
d-separation, with a proof          Pearl 1988; Shachter 1998; Lauritzen et al. 1990 `d_separated`
requisite observations              Fagiuoli & Zaffalon 1998                         `requisite_observations`
… for every possible target at once by symmetry of d-separation                      `requisites_by_target`
minimal reduction                   Nilsson & Lauritzen 2000; Everitt et al. 2021    `minimal_reduction`
mechanised diagram                  Kenton et al. 2022; Hammond et al. 2023          `mechanise`
r- and s-reachability               Koller & Milch 2003; Hammond et al. 2023         `relevant_mechanisms`
relevance graph, condensation       Koller & Milch 2003                              `relevance_graph`
solubility (sufficient recall)      Koller & Milch 2003; van Merwijk et al. 2022     `is_soluble`
context lifting                     Kenton et al. 2022                               `lift_context`
=================================== ================================================ ========================

Not implemented: reductions for soluble diagrams beyond nonrequisite links ("trimming" of homomorphisms, van Merwijk
et al. 2022), and separation criteria for cyclic or chain graphs.

==============  ===========================================================
module          what it holds
==============  ===========================================================
``index``       the doubled graph, and what can be reached in it
``separation``  d-separation with a proof
``plain``       parent sets by name, which the checks of proofs read
``reduction``   requisite observations and the minimal reduction
``mechanised``  mechanised diagrams, relevance, solubility, context lifting
==============  ===========================================================
"""

from cidmesa.graph.mechanised import RelevanceGraph as RelevanceGraph
from cidmesa.graph.mechanised import is_soluble as is_soluble
from cidmesa.graph.mechanised import lift_context as lift_context
from cidmesa.graph.mechanised import mechanise as mechanise
from cidmesa.graph.mechanised import mechanism_name as mechanism_name
from cidmesa.graph.mechanised import relevance_graph as relevance_graph
from cidmesa.graph.mechanised import relevant_mechanisms as relevant_mechanisms
from cidmesa.graph.reduction import downstream_utilities as downstream_utilities
from cidmesa.graph.reduction import minimal_reduction as minimal_reduction
from cidmesa.graph.reduction import requisite_observations as requisite_observations
from cidmesa.graph.reduction import requisites_by_target as requisites_by_target
from cidmesa.graph.reduction import with_information_link as with_information_link
from cidmesa.graph.separation import Path as Path
from cidmesa.graph.separation import SeparatingSet as SeparatingSet
from cidmesa.graph.separation import d_separated as d_separated
