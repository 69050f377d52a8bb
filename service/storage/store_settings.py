"""Which bucket, where it is, and how it is written to."""

from typing import Any

import msgspec

CALL_TIMEOUT = 120.0  # seconds for one call, all of botocore's own retries included


class StoreSettings(msgspec.Struct, frozen=True):
    """Where the objects go. None leaves a value to the usual AWS chain."""

    bucket: str
    endpoint_url: str | None
    public_endpoint_url: str | None  #: the host in links, where it is another one
    region: str | None
    access_key_id: str | None
    secret_access_key: str | None
    link_ttl: int  #: seconds that a signed link lives
    encryption: str | None = None  #: the method by which the store is asked to encrypt what is written
    kms_key_id: str | None = None  #: the key of a method with KMS; None for the bucket's own
    session_token: str | None = None  #: of a temporary access key
    call_timeout: float = CALL_TIMEOUT  #: seconds

    @property
    def written_with(self) -> dict[str, Any]:
        """The parameters of calls that begin an object."""
        wanted = {"ServerSideEncryption": self.encryption, "SSEKMSKeyId": self.kms_key_id}
        return {name: value for name, value in wanted.items() if value is not None}
