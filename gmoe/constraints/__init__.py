"""What a fit holds fixed: equations between parameters, as values that say themselves what they mean."""

from gmoe.constraints.base import Constraint
from gmoe.constraints.equation import Equation
from gmoe.constraints.given import as_constraints
from gmoe.constraints.held import Columns, EqualProportions, Held, HeldExpert, HeldModel, Offset
from gmoe.constraints.shares import Shares
from gmoe.constraints.shrinkage import Lasso, Ridge, Shrinkage
from gmoe.constraints.tied import Linear, Tied

__all__ = [
    "Columns",
    "Constraint",
    "EqualProportions",
    "Equation",
    "Held",
    "HeldExpert",
    "HeldModel",
    "Lasso",
    "Linear",
    "Offset",
    "Ridge",
    "Shares",
    "Shrinkage",
    "Tied",
    "as_constraints",
]
