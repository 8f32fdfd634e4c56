"""Every trial."""

from .bundled import BUNDLED
from .contrib import CONTRIB
from .examples import EXAMPLES

TRIALS = [*EXAMPLES, *CONTRIB, *BUNDLED]
