"""The parts of a report, from plain data to blocks.

The data are what ``--json`` prints: nothing here knows a model, a family or a population, so the tables of a report can
be made again from its file.

===============  =============================================================================
``words``        words and numbers: what stands in a cell
``diagram``      a diagram and its setup: incentives, deployments
``candidates``   what training could have selected, and what it would do elsewhere
``comparisons``  what would tell hypotheses apart, and what would cure them
``predictions``  what is claimed before any agent is trained
``verdicts``     what came of it in one population
``charts``       the same as pictures of numbers
``bottom_line``  all of it in a few sentences
===============  =============================================================================
"""
