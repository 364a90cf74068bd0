"""What the theory predicts: rates by gate and cell pattern, and the conditions on activations."""

from gmoe.theory._conditions import ActivationCheck, check_activation
from gmoe.theory._rates import Prediction, predict, required_n_active
from gmoe.theory._table import markdown_table
from gmoe.theory.orders import Order, list_blocks, order

__all__ = [
    "ActivationCheck",
    "Order",
    "Prediction",
    "check_activation",
    "list_blocks",
    "markdown_table",
    "order",
    "predict",
    "required_n_active",
]
