"""The page to look into a network with: a server for it, and the same as one file."""

from ._export import exported_page as exported_page
from ._export import write_page as write_page
from ._samples import Sample as Sample
from ._serve import listen as listen
from ._serve import serve as serve
from ._session import Session as Session
