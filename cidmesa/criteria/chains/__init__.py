"""Proofs of *no* where decisions hang on each other in circles: chains of steps that lower the best value of no model.

=====================  ===============================================================================================
module                 what it holds
=====================  ===============================================================================================
``graph``              the graph that steps are taken on
``nonrequisite``       a decision need not see what its utilities do not touch
``known_decision``     nor a decision that it can work out
``noise``              noise that only decisions hear of may be fixed
``collapse``           what no decision sees tells its children all that it hears
``ordering``           noise given what is seen
``added_links``        a decision may be shown more first
``chain``              the steps in a row, and what they prove
``net``, ``find``      the search for them, on bit masks
``ask``                which question they answer how
=====================  ===============================================================================================
"""
