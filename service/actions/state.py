"""The state that actions use."""

from typing import NotRequired, TypedDict

from service.actions.shared_listings import SharedListings
from service.database.access import DatabaseAccess
from service.queue.task_queue import TaskQueue


class ActionState(TypedDict):
    """The dependencies of the actions that concern a case. Other actions take single values."""

    database: DatabaseAccess
    listings: SharedListings
    queue: TaskQueue
    event_limit: int  #: documents in an event, at most
    arrived: NotRequired[float]  #: set for each request; of `time.perf_counter`
