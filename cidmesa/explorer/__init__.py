"""The explorer: one static page on which a diagram is drawn with the mouse and its consequences are seen at once.

===============  ============================================================================================
`explore`        write the page; it works offline, without a server
`fragments`      the pieces that it offers to drop in
``web/engine``   the graph part in JavaScript: one Bayes ball on the doubled graph, criteria, proofs, base against
                 mesa; tested to agree with :mod:`cidmesa.graph` and the criteria on random diagrams
``web/formats``  cidmesa code, YAML, dagitty, TikZ, links, read and written
``web/picture``  sizes, the layered layout, routing, SVG: the library's own theme
``web/app``      the diagram that is edited, history, the picture on the screen, the panels
===============  ============================================================================================

Not in it: numbers. Whatever needs a model, a search for a witness, or a linear program is shown as open.
"""

from cidmesa.explorer.fragments import fragments as fragments
from cidmesa.explorer.page import explore as explore
