"""Several agents: best responses, equilibria, strategic and extensive form.

==================  =========================================================
module              what it holds
==================  =========================================================
``equilibria``      best responses and equilibria
``strategic_form``  games as tables, and all extreme equilibria of two agents
``sequence_form``   zero-sum games with perfect recall, by linear programming
``support_search``  some equilibria of three agents or more
``gambit``          Gambit's extensive form files
``vertices``        vertices of best-response polytopes, in whole numbers
==================  =========================================================
"""
