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

from cidmesa.documents.sections.bottom_line import contradictions as contradictions
from cidmesa.documents.sections.bottom_line import family_line as family_line
from cidmesa.documents.sections.bottom_line import population_lines as population_lines
from cidmesa.documents.sections.bottom_line import population_points as population_points
from cidmesa.documents.sections.candidates import brief_family_table as brief_family_table
from cidmesa.documents.sections.candidates import family_tables as family_tables
from cidmesa.documents.sections.charts import curve_chart as curve_chart
from cidmesa.documents.sections.charts import dose_chart as dose_chart
from cidmesa.documents.sections.charts import regret_chart as regret_chart
from cidmesa.documents.sections.charts import statistic_chart as statistic_chart
from cidmesa.documents.sections.comparisons import comparison_tables as comparison_tables
from cidmesa.documents.sections.diagram import incentive_tables as incentive_tables
from cidmesa.documents.sections.diagram import setup_notes as setup_notes
from cidmesa.documents.sections.diagram import setup_table as setup_table
from cidmesa.documents.sections.predictions import prediction_tables as prediction_tables
from cidmesa.documents.sections.verdicts import claim_points as claim_points
from cidmesa.documents.sections.verdicts import claim_table as claim_table
from cidmesa.documents.sections.verdicts import report_document as report_document
from cidmesa.documents.sections.verdicts import verdict_blocks as verdict_blocks
from cidmesa.documents.sections.words import CRITERION_TITLES as CRITERION_TITLES
from cidmesa.documents.sections.words import interval as interval
from cidmesa.documents.sections.words import number as number
