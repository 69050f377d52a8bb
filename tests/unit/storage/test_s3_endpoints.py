"""What the object store assumes of botocore's rules for endpoints."""

import json

from botocore.loaders import Loader


def test_the_key_of_an_object_has_no_part_in_its_endpoint() -> None:
    rules = Loader().load_service_model("s3", "endpoint-rule-set-1")

    references = json.dumps(rules["rules"])

    assert {"Key", "Prefix"} <= set(rules["parameters"])
    assert '{"ref": "Bucket"}' in references
    assert '{"ref": "Key"}' not in references
    assert '{"ref": "Prefix"}' not in references
