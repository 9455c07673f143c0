"""What systems of the gallery need beside a diagram: their closed forms, batched worlds and nets, one a file.

===========  ============================================================
module       what it holds
===========  ============================================================
``phases``   two phases of training with one rule, and the closed form
``sharing``  learners that act for each other and exchange their worlds
===========  ============================================================
"""
