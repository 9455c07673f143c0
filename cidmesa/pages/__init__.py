r"""Diagrams in documentation pages: directives for Sphinx (reST and MyST), and a fence for MkDocs.

============  ============================================================================
module        what it holds
============  ============================================================================
``source``    what a page may write: a name, a file, YAML, or links line by line
``request``   what a directive asks for, as pictures and tables
``sphinx``    the directives ``cid`` and ``incentives``; ``cidmesa.render.sphinx`` loads them
``mkdocs``    a fence for ``pymdownx.superfences``
============  ============================================================================

The grammar of links is small; kinds are marked where a node is first named, or listed as options:

>>> from cidmesa.pages.source import read_links
>>> cid = read_links("door -> [go] -> <reward>\ndoor -> reward")
>>> cid.decisions, cid.utilities, cid.edges
(('go',), ('reward',), (('door', 'go'), ('go', 'reward'), ('door', 'reward')))
"""
