"""How strong incentives are, and where a utility comes from.

=============  ====================================
module         what it holds
=============  ====================================
``magnitude``  a number that says how it was found
``values``     what information, control and interventions are worth
``effects``    responses, instrumental control, impact
``intention``  intended outcomes
``explain``    where a utility comes from
=============  ====================================
"""
