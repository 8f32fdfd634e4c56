"""Every trial: those in the table, and others."""

from .bundled import BUNDLED
from .contrib import CONTRIB
from .examples import EXAMPLES
from .states import STATES

TABLED = [*EXAMPLES, *CONTRIB, *BUNDLED]
TRIALS = [*TABLED, *STATES]
