"""Python imports this at its start if the directory is on its path: an API that never gives up Redis.

One that stands still for half a second, as on a busy machine, counts in its own memory for a while: no figure of a
budget is what the test made it then.
"""

from service.http import rate_limits

rate_limits.REDIS_TIMEOUT = 60.0
