"""The component that trains on the embedding engine."""

from components.trainer.component import Trainer

__all__ = ["Trainer"]
