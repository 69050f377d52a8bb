"""The settings of the bucket: its address, its credentials, and its encryption."""

from typing import Any

import msgspec

CALL_TIMEOUT = 120.0  # seconds for one call, all of botocore's own retries included


class StoreSettings(msgspec.Struct, frozen=True):
    """One bucket. If a value is None, the usual AWS chain provides it."""

    bucket: str
    endpoint_url: str | None
    public_endpoint_url: str | None  #: the endpoint in links, if it is another one
    region: str | None
    access_key_id: str | None
    secret_access_key: str | None
    link_ttl: int  #: seconds that a signed link is valid
    encryption: str | None = None  #: the method (`ServerSideEncryption`) that the store is asked to encrypt with
    kms_key_id: str | None = None  #: the key for a method with KMS; None for the bucket's own
    session_token: str | None = None  #: of a temporary access key
    call_timeout: float = CALL_TIMEOUT  #: seconds

    @property
    def written_with(self) -> dict[str, Any]:
        """The encryption parameters of calls that create an object."""
        wanted = {"ServerSideEncryption": self.encryption, "SSEKMSKeyId": self.kms_key_id}
        return {name: value for name, value in wanted.items() if value is not None}
