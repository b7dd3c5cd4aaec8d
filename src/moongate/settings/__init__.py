"""Flags, environment and files, turned into one frozen `Settings`.

The only room that reads the environment, the configuration files and the keyring; everyone else is handed what they
need.
"""

from moongate.settings.load import Flags, Settings, load

__all__ = ["Flags", "Settings", "load"]
