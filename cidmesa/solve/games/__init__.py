"""Several agents: best responses, equilibria, strategic and extensive form.

==================  =========================================================
module              what it holds
==================  =========================================================
``equilibria``      best responses and equilibria
``strategic_form``  games as tables, and all extreme equilibria of two agents
``gambit``          Gambit's extensive form files
==================  =========================================================
"""
