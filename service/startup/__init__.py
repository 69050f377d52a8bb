"""Builds what the processes need from the settings. Whatever is missing or wrong is reported in one line."""
