"""Orders of the Hellinger distance in the error of the parameters, exactly: by quadrature, without Monte Carlo."""

from gmoe.theory.orders.order import Order, list_blocks, order

__all__ = ["Order", "list_blocks", "order"]
