"""Puts the disks that a power loss may leave into folders, and checks the sets there.

A power loss may come after every single operation of a log. States that are alike are
checked once; a set that was checked before, with the same bytes and the same chain, is
not verified anew, but every state's newest set is restored.
"""

import collections
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saver import SetSaver

disk_states = load("torture/disk_states.py")
set_checks = load("torture/set_checks.py")

# Is written in place, so that it must not be a link.
_LOCK = ".lock"
