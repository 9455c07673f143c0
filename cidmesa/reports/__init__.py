"""Reports: from objects to plain data, from plain data to documents.

=======================  ==============================================================================================
``overview``             a diagram, model or setup: nodes, values, deployments, a picture
``incentive_document``   who wants to know, respond to and control what
``report``               a derivation, and what trained agents showed: from the bottom line to the recipe
``whole``                where that is made, for several training distributions and populations at once
``sequence``             of a sequence, before agents are trained
``documents``            where the others are made
``data``                 the same as plain data, which ``--json`` prints
``pictures``             the pictures alone
``views``                the views that a shell or a page asks for by name
=======================  ==============================================================================================

A document is a page, Markdown, a LaTeX fragment or text:

>>> import cidmesa as cm
>>> from cidmesa.reports import incentive_document
>>> cid = cm.CID([("x", "act"), ("act", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
>>> document = incentive_document(cid, "Incentives")
>>> document.html[:15], "toprule" in document.latex, "| node  |" in document.markdown
('<!DOCTYPE html>', True, True)
"""

from cidmesa.reports.documents import incentive_document as incentive_document
from cidmesa.reports.documents import overview as overview
from cidmesa.reports.whole import report as report
