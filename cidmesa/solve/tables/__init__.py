"""Products and sums of tables: a model as arrays, and the plan that eliminates variables.

===================  ====================================================
module               what it holds
===================  ====================================================
``model_tables``     a model as the solver sees it
``query_plan``       how a question becomes a plan
``elimination``      variable elimination, planned once per structure
``exact_numbers``    numbers as they were meant: floats read as fractions
``exact_run``        plans run in whole numbers
``linear_systems``   linear systems in fractions
``linear_programs``  linear programs in fractions
===================  ====================================================
"""
