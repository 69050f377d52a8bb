"""The worker process: `arq worker.main.WorkerSettings`. Its tasks, its downloads, its loops."""
