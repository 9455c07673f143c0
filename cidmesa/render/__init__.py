"""Pictures of causal influence diagrams.

A picture goes through plain data, one step at a time, each a pure function:

==========================================  ===========================================================================
diagram → what to show                      :func:`spec_of` gives a :class:`Spec`: nodes, links, rings, notes, legend
what to show → where                        :func:`place`: pygraphviz, else ``dot``, else a layered layout of our own
where → shapes → SVG                        :func:`to_svg`; the same shapes as PNG or PDF through matplotlib
other people's formats                      :func:`to_dot`, :func:`to_mermaid`, :func:`to_tikz`
==========================================  ===========================================================================

:func:`render` does it all, and ``cid.render()`` is the same:

>>> from cidmesa import CID
>>> cid = CID([("door", "go"), ("go", "reward"), ("door", "reward")], decisions=["go"], utilities=["reward"])
>>> picture = render(cid, title="A door", engine="own")
>>> picture.svg.startswith("<svg "), picture.spec.title
(True, 'A door')

============  ======================================================
module        what it holds
============  ======================================================
``theme``     colours, lines and fonts
``spec``      what a picture shows, as plain data
``options``   grids and proofs that a picture may show
``metrics``   how wide letters are
``typeset``   indices, Greek letters, lines that fit
``geometry``  points, boxes, curves, layouts
``around``    double arrows and frames; one layout for several pictures
``layered``   our own layered layout
``engines``   pygraphviz, ``dot`` or our own layout
``draw``      a layout as shapes
``svg``       shapes as SVG
``raster``    shapes as PNG and PDF
``fonts``     which fonts draw these
``dot``       Graphviz source
``mermaid``   Mermaid source
``latex``     text that LaTeX prints as it is
``tikz``      TikZ source, by itself or in the macros of cid-latex
``sphinx``    the Sphinx extension, which :mod:`cidmesa.pages` implements
``picture``   `render`, and pictures in notebooks
============  ======================================================
"""

from __future__ import annotations

from cidmesa.render.dot import to_dot as to_dot
from cidmesa.render.engines import place as place
from cidmesa.render.mermaid import to_mermaid as to_mermaid
from cidmesa.render.picture import Picture as Picture
from cidmesa.render.picture import aligned as aligned
from cidmesa.render.picture import mimebundle as mimebundle
from cidmesa.render.picture import render as render
from cidmesa.render.picture import save_drawing as save_drawing
from cidmesa.render.picture import to_svg as to_svg
from cidmesa.render.picture import to_tikz as to_tikz
from cidmesa.render.spec import Edge as Edge
from cidmesa.render.spec import Node as Node
from cidmesa.render.spec import Spec as Spec
from cidmesa.render.spec import spec_of as spec_of
