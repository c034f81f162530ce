"""Data sets: found, downloaded or read from folders; sized for a net; given in batches."""

from __future__ import annotations

from .. import _torch as _torch
from ._augment import Augment as Augment
from ._batches import Batch as Batch
from ._batches import Batches as Batches
from ._data import BrokenFile as BrokenFile
from ._data import Data as Data
from ._dataset import ArrayDataset as ArrayDataset
from ._dataset import Dataset as Dataset
from ._dataset import Subset as Subset
from ._files import FileDataset as FileDataset
from ._files import Files as Files
from ._load import load as load
from ._preprocess import Preprocess as Preprocess
from ._random import Draws as Draws
