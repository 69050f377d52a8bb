"""The portal's own answer about a case, as far as it may be shown."""

from service.database.cases.case_data import KeptListing, kept_listing
from service.database.connection import Connection
from service.domain.process_number import ProcessNumber

#: The answer of the newest listing has no sealed name. An older one, which stays if the bucket failed, may name a party
#: that was sealed since: it is shown only if nothing is sealed.
_SHOWN = """
SELECT listing_key, listing_sha256, listing_size, listing_charset, listing_is_redacted, listing_taken_at
FROM case_data JOIN processes ON processes.number = case_data.process_number
WHERE case_data.process_number = :number AND listing_key IS NOT NULL
    AND (listing_place >= case_data.listing_asked OR coalesce(processes.secrecy_level, 0) = 0
        AND NOT EXISTS (SELECT 1 FROM parties WHERE parties.process_number = :number AND is_sealed))
"""


async def find(connection: Connection, number: ProcessNumber) -> KeptListing | None:
    """Return where the answer is. None: none is kept, or it may name a party that was sealed since."""
    row = await connection.fetch_one(_SHOWN, {"number": number.digits})
    return None if row is None else kept_listing(row)
