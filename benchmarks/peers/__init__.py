"""Other engines that run ConvNets on a CPU, and the machinery that races them with Striate."""

from ._engines import ENGINES as ENGINES
from ._engines import PEAK as PEAK
from ._engines import SAVED as SAVED
from ._engines import TRAINERS as TRAINERS
from ._engines import Engine as Engine
from ._machine import describe_machine as describe_machine
from ._machine import pick_cores as pick_cores
from ._race import Result as Result
from ._race import probe as probe
from ._race import race as race
from ._report import Report as Report
from ._task import Task as Task
from ._task import fill as fill
from ._task import write_task as write_task
from ._training import TrainingTask as TrainingTask
from ._training import write_training as write_training
