"""One file per format: its grammar with the source, how it is read, and how it is written where that is done.

========================  ==================================  ==========================  ============
format                    program                             files                       read, write
========================  ==================================  ==========================  ============
:mod:`own`                cidmesa                             ``.cid.yaml``, ``.json``    both
:mod:`bifxml`             aGrUM and others (XMLBIF)           ``.bifxml``, ``.xml``       both
:mod:`bif`                many, without decisions             ``.bif``                    read
:mod:`xdsl`               GeNIe                               ``.xdsl``                   both
:mod:`net`                Hugin                               ``.net``                    both
:mod:`dne`                Netica                              ``.dne``                    read
:mod:`probmodelxml`       OpenMarkov                          ``.pgmx``                   both
:mod:`elvira`             Elvira                              ``.elv``                    read
:mod:`uai`                UAI competitions, Merlin            ``.uai``                    read
:mod:`jgum`               aGrUM                               ``.jgum``                   read
:mod:`efg`                Gambit (games)                      ``.efg``                    both
========================  ==================================  ==========================  ============

:mod:`tokens` cuts the text formats into pieces, :mod:`xml` reads the others, :mod:`canonical` writes out noisy OR and
its like as tables, :mod:`writing` is shared by the writers.
What they have in common is the ``Network`` of :mod:`network`, which becomes a model in one place:
kinds, states, tables in row-major order with the node itself last, and what a model has no room for (labels, units,
positions).
"""
