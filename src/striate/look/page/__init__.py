"""The page to look into a network with: a server for it, and the same as one file."""

from ._samples import Sample as Sample
from ._serve import listen as listen
from ._serve import serve as serve
from ._session import Session as Session
