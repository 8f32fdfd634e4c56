"""Every trial."""

from .bundled import BUNDLED
from .examples import EXAMPLES

TRIALS = [*EXAMPLES, *BUNDLED]
