"""What all processes share: `app.py` is the API, `cli.py` the command line, `settings.py` the environment."""
