"""What Hadoop is told of an object store."""

from __future__ import annotations

from clicklake.engines.spark.objects import s3a


def test_a_store_of_ones_own() -> None:
    found = s3a(
        {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
        }
    )
    assert found["fs.s3a.endpoint"] == "http://127.0.0.1:9000"
    assert found["fs.s3a.path.style.access"] == "true"
    assert found["fs.s3a.connection.ssl.enabled"] == "false"
    assert found["fs.s3a.endpoint.region"] == "us-east-1"
    assert (found["fs.s3a.access.key"], found["fs.s3a.secret.key"]) == ("id", "key")
    assert found["fs.s3a.aws.credentials.provider"].endswith(".SimpleAWSCredentialsProvider")


def test_a_session_of_a_role() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token"}
    found = s3a(keys)
    assert found["fs.s3a.session.token"] == "token"
    assert found["fs.s3a.aws.credentials.provider"].endswith(".TemporaryAWSCredentialsProvider")


def test_without_keys_hadoop_looks_for_some_and_without_an_endpoint_it_is_aws() -> None:
    found = s3a({"AWS_REGION": "eu-central-1"})
    assert not {"fs.s3a.access.key", "fs.s3a.aws.credentials.provider", "fs.s3a.endpoint"} & found.keys()
