"""The addresses and credentials of the servers of a running stack."""

import msgspec


class Endpoints(msgspec.Struct, frozen=True):
    """Addresses and credentials of one run; ports change from run to run, credentials do not.

    `portal_url` ends with `/api/v2`. It and `portal_token` are None in a stack that was started without the portal.
    """

    database_url: str
    redis_url: str
    s3_endpoint_url: str
    s3_access_key_id: str
    s3_secret_access_key: str
    s3_region: str
    portal_url: str | None
    portal_token: str | None

    def environment(self, *, bucket: str) -> dict[str, str]:
        """The settings of the service as environment variables; those of the portal only if it runs."""
        variables = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "S3_ENDPOINT_URL": self.s3_endpoint_url,
            "S3_PUBLIC_ENDPOINT_URL": self.s3_endpoint_url,
            "S3_REGION": self.s3_region,
            "S3_BUCKET": bucket,
            "AWS_ACCESS_KEY_ID": self.s3_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.s3_secret_access_key,
        }
        if self.portal_url is not None and self.portal_token is not None:
            variables |= {"PDPJ_BASE_URL": self.portal_url, "PDPJ_TOKEN": self.portal_token}
        return variables
