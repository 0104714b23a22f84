"""Orders, customers, products and payments that fit generated clicks."""

from clicklake.synthetic.commerce.config import CommerceConfig

__all__ = ["CommerceConfig"]
