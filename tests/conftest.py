"""Set up the tests."""

import os

# scikit-learn reads it when it is imported; without it one of its estimator checks is skipped.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
