"""The operation ids that generated clients and links into the documentation use. A change breaks them."""

from service.api.openapi.document import document
from service.api.routes import ROUTES

IDS = {
    "get /": ("docs_root", "Reference"),
    "get /health/live": ("health_live", "Operations"),
    "get /health/ready": ("health_ready", "Operations"),
    "get /metrics": ("metrics_show", "Operations"),
    "get /openapi.json": ("docs_openapi", "Reference"),
    "get /docs": ("docs_page", "Reference"),
    "get /docs/start.js": ("docs_start", "Reference"),
    "get /api/v1/processes": ("processes_index", "Cases"),
    "post /api/v1/processes/search": ("search_search", "Cases"),
    "get /api/v1/processes/{number}": ("processes_show", "Cases"),
    "get /api/v1/processes/{number}/status": ("processes_status", "Cases"),
    "get /api/v1/processes/{number}/movements": ("case_data_movements", "Cases"),
    "get /api/v1/processes/{number}/parties": ("case_data_parties", "Cases"),
    "get /api/v1/processes/{number}/listing": ("listings_show", "Cases"),
    "get /api/v1/processes/{number}/files": ("documents_files", "Documents"),
    "get /api/v1/processes/{number}/events": ("events_show", "Cases"),
    "get /api/v1/processes/{number}/archive": ("archive_show", "Documents"),
    "get /api/v1/processes/{number}/documents/{document_id}/content": ("documents_content", "Documents"),
    "post /api/v1/processes/{number}/download-documents": ("downloads_register", "Downloads"),
    "post /api/v1/processes/{number}/download-document/{document_id}": ("downloads_one", "Downloads"),
    "post /api/v1/processes/{number}/download-all-documents": ("downloads_everything", "Downloads"),
    "get /api/v1/processes/{number}/monitor": ("monitors_show", "Monitors"),
    "put /api/v1/processes/{number}/monitor": ("monitors_put", "Monitors"),
    "delete /api/v1/processes/{number}/monitor": ("monitors_delete", "Monitors"),
    "post /api/v1/processes/{number}/monitor/check": ("monitors_check", "Monitors"),
    "get /api/v1/monitors": ("monitors_index", "Monitors"),
    "post /api/v1/monitors": ("monitors_create", "Monitors"),
    "get /api/v1/jobs": ("jobs_index", "Jobs"),
    "get /api/v1/jobs/{job_id}": ("jobs_show", "Jobs"),
    "post /api/v1/jobs/{job_id}/cancel": ("jobs_cancel", "Jobs"),
    "get /api/v1/users": ("users_index", "Users"),
    "post /api/v1/users": ("users_create", "Users"),
    "get /api/v1/users/me": ("users_me", "Users"),
    "delete /api/v1/users/{user_id}": ("users_delete", "Users"),
    "get /api/v1/users/{user_id}/keys": ("users_keys", "Users"),
    "post /api/v1/users/{user_id}/keys": ("users_create_key", "Users"),
    "delete /api/v1/users/{user_id}/keys/{key_id}": ("users_revoke_key", "Users"),
    "get /api/v1/webhooks/secret": ("webhooks_secret", "Webhooks"),
    "post /api/v1/webhooks/secret/rotate": ("webhooks_rotate_secret", "Webhooks"),
    "get /api/v1/webhooks/deliveries": ("deliveries_index", "Deliveries"),
    "post /api/v1/webhooks/deliveries/recover": ("deliveries_recover", "Deliveries"),
    "get /api/v1/webhooks/deliveries/{delivery_id}": ("deliveries_show", "Deliveries"),
    "post /api/v1/webhooks/deliveries/{delivery_id}/resend": ("deliveries_resend", "Deliveries"),
    "post /api/v1/webhooks/deliveries/{delivery_id}/cancel": ("deliveries_cancel", "Deliveries"),
    "get /api/v1/webhooks/endpoints": ("webhook_endpoints_index", "Webhooks"),
    "post /api/v1/webhooks/endpoints": ("webhook_endpoints_create", "Webhooks"),
    "get /api/v1/webhooks/endpoints/{endpoint_id}": ("webhook_endpoints_show", "Webhooks"),
    "patch /api/v1/webhooks/endpoints/{endpoint_id}": ("webhook_endpoints_update", "Webhooks"),
    "delete /api/v1/webhooks/endpoints/{endpoint_id}": ("webhook_endpoints_delete", "Webhooks"),
    "get /api/v1/webhooks/endpoints/{endpoint_id}/secret": ("webhook_endpoints_secret", "Webhooks"),
    "post /api/v1/webhooks/endpoints/{endpoint_id}/secret/rotate": ("webhook_endpoints_rotate_secret", "Webhooks"),
    "post /api/v1/webhooks/endpoints/{endpoint_id}/test": ("webhook_endpoints_test", "Webhooks"),
    "post /api/v1/webhooks/webhook-validate": ("webhook_trials_validate", "Webhooks"),
    "post /api/v1/webhooks/webhook-test-connectivity": ("webhook_trials_test_connectivity", "Webhooks"),
    "post /api/v1/webhooks/webhook-send-test": ("webhook_trials_send_test", "Webhooks"),
    "post /api/v1/webhooks/webhook-test-receiver": ("webhook_trials_test_receiver", "Webhooks"),
}


def test_the_ids_and_chapters_of_the_operations_stay() -> None:
    found = {
        f"{method} {path}": (operation["operationId"], *operation["tags"])
        for path, methods in document(ROUTES, server="/")["paths"].items()
        for method, operation in methods.items()
    }

    assert found == IDS
