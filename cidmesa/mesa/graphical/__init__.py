"""What the graph alone says of a hypothesis: relevance, shifts, positions, interfaces.

================  =================================================================
module            what it holds
================  =================================================================
``relevance``     which mechanisms a decision can notice, and which matter to it
``shifts``        inert, context and mechanism shifts; Theorem A (carry-over)
``positions``     where targets stand to the base objective; information cover (C2)
``unrolled``      a step, written out over time
``mesa_diagram``  a hypothesis as a diagram, and what changes against the base
``interfaces``    Theorem B: few nodes through which all decisions act
``completeness``  Theorem C and its dual, as pairs of models
================  =================================================================
"""
