"""Every trial: those of the table, and our own."""

from .bundled import BUNDLED
from .contrib import CONTRIB
from .examples import EXAMPLES
from .states import STATES

TABLED = [*EXAMPLES, *CONTRIB, *BUNDLED]
TRIALS = [*TABLED, *STATES]
