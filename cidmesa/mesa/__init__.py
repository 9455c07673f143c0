"""The derivation: the mesa-optimizers this training could have produced."""

from cidmesa.mesa.setup import Deployment as Deployment
from cidmesa.mesa.setup import Phases as Phases
from cidmesa.mesa.setup import TrainingSetup as TrainingSetup
