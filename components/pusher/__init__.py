"""The component that publishes a blessed model."""

from components.pusher.component import Pusher

__all__ = ["Pusher"]
