"""JSON over HTTP: one file for each noun, with its operations and views."""
