"""From the settings to the values that processes work with, with one clear line for what is not there."""
