"""Data sets: found, downloaded or read from folders; sized for a net; given in batches."""

from __future__ import annotations

from .. import _torch as _torch
from ._augment import Augment as Augment
from ._batches import Batch as Batch
from ._batches import Batches as Batches
from ._data import Data as Data
from ._dataset import ArrayDataset as ArrayDataset
from ._dataset import Dataset as Dataset
from ._dataset import Subset as Subset
from ._file_dataset import BrokenFile as BrokenFile
from ._file_dataset import FileDataset as FileDataset
from ._files import Files as Files
from ._files import open_files as open_files
from ._fit import fit as fit
from ._load import load as load
from ._locate import get as get
from ._preprocess import Preprocess as Preprocess
from ._random import Draws as Draws
from ._split import split as split
