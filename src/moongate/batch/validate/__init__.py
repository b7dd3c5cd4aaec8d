"""Whether a batch file can be sent: every line checked before anything is, every fault with its line.

`validate` goes through a file, `Checks` says what it is held against, `Report` and `Fault` are what comes of it.
"""

from __future__ import annotations

from moongate.batch.validate.check import validate
from moongate.batch.validate.faults import Estimate, Fault, Report
from moongate.batch.validate.judge import Checks, Permitted
from moongate.batch.validate.mend import Change
from moongate.batch.validate.unique import Repeat, Unique

__all__ = ["Change", "Checks", "Estimate", "Fault", "Permitted", "Repeat", "Report", "Unique", "validate"]
