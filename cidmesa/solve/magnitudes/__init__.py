"""How strong incentives are, and where a utility comes from.

=======================  =======================================================
module                   what it holds
=======================  =======================================================
``magnitude``            a number that says how it was found
``values``               what information, control and interventions are worth
``effects``              responses, instrumental control, impact
``counterfactual_harm``  who is made worse off than by a default
``intention``            intended outcomes
``explain``              where a utility comes from
``exact_systems``        whether systems of inequalities have a solution, in fractions
=======================  =======================================================
"""
