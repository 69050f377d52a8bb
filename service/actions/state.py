"""The state that actions use."""

from typing import NotRequired, TypedDict

from service.actions.concurrency import Turns
from service.actions.shared_listings import SharedListings
from service.database.connection import Database
from service.queue.task_queue import Bell


class ActionState(TypedDict):
    """The dependencies of every action."""

    database: Database
    listings: SharedListings
    bell: Bell
    turns: Turns  #: download slots, for requests that start downloads
    event_limit: int  #: documents in an event, at most
    arrived: NotRequired[float]  #: set for each request; of `time.perf_counter`
