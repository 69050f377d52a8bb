"""A case as one ZIP file: its bytes are made while they are sent, and kept nowhere."""
