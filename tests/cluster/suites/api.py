"""The API servers of two minors take every golden tree as it is: no warning, nothing dropped, nothing changed by a second apply.

Every tree is dry-run, applied, read back field by field and applied again; then the pods of its agents become Ready.
Not here: who may apply it (`admission.py`).
"""

import json
from pathlib import Path

from lib.cluster import Cluster, ready

PROGRAMS = ["kubernetes-1.36", "kubernetes-1.34"]
GOLDEN = Path(__file__).resolve().parents[3] / "tests/golden"
