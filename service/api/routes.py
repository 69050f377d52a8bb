"""Every path of the API with its operations, in the order of `/openapi.json`."""

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from service.api import (
    archive,
    bulk_requests,
    deliveries,
    docs,
    documents,
    downloads,
    events,
    health,
    jobs,
    metrics,
    processes,
    users,
    webhook_secrets,
    webhook_tests,
)
from service.api.framework.operations import OperationRoute

ROUTES: list[BaseRoute] = [
    OperationRoute("/", GET=docs.root),
    OperationRoute("/health/live", GET=health.live),
    OperationRoute("/health/ready", GET=health.ready),
    OperationRoute("/metrics", GET=metrics.show),
    OperationRoute("/openapi.json", GET=docs.openapi),
    OperationRoute("/docs", GET=docs.page),
    OperationRoute("/docs/start.js", GET=docs.start),
    Mount("/docs/assets", StaticFiles(packages=[("swagger_ui", "static")])),
    # No Mount: its pattern does not match line breaks, and a number with a line break must get the right error.
    OperationRoute("/api/v1/processes", GET=processes.index),
    OperationRoute("/api/v1/processes/search", POST=bulk_requests.search),
    OperationRoute("/api/v1/processes/{number}", GET=processes.show),
    OperationRoute("/api/v1/processes/{number}/status", GET=processes.status),
    OperationRoute("/api/v1/processes/{number}/files", GET=documents.files),
    OperationRoute("/api/v1/processes/{number}/events", GET=events.show),
    OperationRoute("/api/v1/processes/{number}/archive", GET=archive.show),
    OperationRoute("/api/v1/processes/{number}/documents/{document_id}/content", GET=documents.content),
    OperationRoute("/api/v1/processes/{number}/download-documents", POST=downloads.register_documents),
    OperationRoute("/api/v1/processes/{number}/download-document/{document_id}", POST=downloads.download_document),
    OperationRoute("/api/v1/processes/{number}/download-all-documents", POST=downloads.download_all),
    OperationRoute("/api/v1/jobs", GET=jobs.index),
    OperationRoute("/api/v1/jobs/{job_id}", GET=jobs.show),
    OperationRoute("/api/v1/jobs/{job_id}/cancel", POST=jobs.cancel),
    OperationRoute("/api/v1/users", GET=users.index, POST=users.create),
    OperationRoute("/api/v1/users/me", GET=users.me),
    OperationRoute("/api/v1/users/{user_id}", DELETE=users.delete),
    OperationRoute("/api/v1/users/{user_id}/keys", GET=users.keys, POST=users.create_key),
    OperationRoute("/api/v1/users/{user_id}/keys/{key_id}", DELETE=users.revoke_key),
    OperationRoute("/api/v1/webhooks/secret", GET=webhook_secrets.secret),
    OperationRoute("/api/v1/webhooks/secret/rotate", POST=webhook_secrets.rotate_secret),
    OperationRoute("/api/v1/webhooks/deliveries", GET=deliveries.index),
    OperationRoute("/api/v1/webhooks/deliveries/recover", POST=deliveries.recover),
    OperationRoute("/api/v1/webhooks/deliveries/{delivery_id}", GET=deliveries.show),
    OperationRoute("/api/v1/webhooks/deliveries/{delivery_id}/resend", POST=deliveries.resend),
    OperationRoute("/api/v1/webhooks/deliveries/{delivery_id}/cancel", POST=deliveries.cancel),
    OperationRoute("/api/v1/webhooks/webhook-validate", POST=webhook_tests.validate),
    OperationRoute("/api/v1/webhooks/webhook-test-connectivity", POST=webhook_tests.test_connectivity),
    OperationRoute("/api/v1/webhooks/webhook-send-test", POST=webhook_tests.send_test),
    OperationRoute("/api/v1/webhooks/webhook-test-receiver", POST=webhook_tests.test_receiver),
]
