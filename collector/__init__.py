"""Collects push-notification statistics for many companies, and loses none of them."""

__all__ = ["__version__"]

__version__ = "0.1.0"
