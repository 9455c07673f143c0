"""Products and sums of tables: a model as arrays, and the plan that eliminates variables."""
