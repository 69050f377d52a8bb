"""The CRC-32 of files that an earlier version stored without one."""

from service.database.connection import Connection
from service.domain.process_number import ProcessNumber


async def keep_crc32(connection: Connection, number: ProcessNumber, key: str, crc32: int) -> None:
    """Store the CRC-32 of a file. A locked row is skipped: the next archive tries again."""
    await connection.execute(
        "UPDATE documents SET crc32 = :crc32 WHERE id IN (SELECT id FROM documents WHERE process_number = :number"
        " AND storage_key = :key AND crc32 IS NULL FOR UPDATE SKIP LOCKED)",
        {"number": number.digits, "key": key, "crc32": crc32},
    )
