"""The explorer: one static page on which a diagram is drawn with the mouse and its consequences are seen at once.

============  =======================================================
module        what it holds
============  =======================================================
``page``      `explore`, the writer of the page
``drop_ins``  `fragments`, small diagrams to drop into a larger one
============  =======================================================

The page itself is under ``web/``, plain JavaScript modules that are shipped as they are:

===========  ===========================================================================================
``engine``   the graph part: one Bayes ball on the doubled graph, criteria, proofs, base against mesa;
             tested to agree with :mod:`cidmesa.graph` and :mod:`cidmesa.criteria` on random diagrams
``formats``  cidmesa code, YAML, dagitty, TikZ and links, written and read
``picture``  sizes, the library's layered layout, routing, SVG: the library's own theme
``app``      the diagram that is edited, history, the picture on the screen, panels and dialogs
===========  ===========================================================================================

Not in it: numbers. Whatever needs a model, a search for a witness, or a linear program is shown as open.
"""

from cidmesa.explorer.drop_ins import fragments as fragments
from cidmesa.explorer.page import explore as explore
