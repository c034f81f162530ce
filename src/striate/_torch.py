"""torch, or the error that names the extra which brings it: imported before the modules that
cannot do without.
"""

from __future__ import annotations

from ._extras import require

require("torch", extra="torch", purpose="This part of Striate")
