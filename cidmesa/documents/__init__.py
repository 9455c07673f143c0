"""Documents: blocks of text, tables and figures, and the writers that set them.

============  ======================================================
module        what it holds
============  ======================================================
``blocks``    headings, paragraphs, tables and figures as plain data
``terminal``  blocks as text that fits a terminal
``markdown``  blocks as Markdown, pictures as Mermaid
``latex``     blocks as a LaTeX fragment, pictures as TikZ
``html``      blocks as one self-contained page
``document``  a title with blocks, and the writers
``sections``  the parts of a report, from plain data to blocks
============  ======================================================
"""
