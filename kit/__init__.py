"""xlt-kit: reproduces and explains cross-lingual transfer of instruction-tuned language models."""

__version__ = "0.1.0"
