"""How Spark reads files of an object store: Hadoop's S3A, told what the rest of the program is told."""

from __future__ import annotations

from collections.abc import Mapping

PACKAGE = "org.apache.hadoop:hadoop-aws:3.5.0"
"""What reads s3a:// in pyspark 4.2, whose Hadoop it must match; some 700 MB with the AWS libraries that it needs."""

_PROVIDERS = "org.apache.hadoop.fs.s3a."


def s3a(options: Mapping[str, str]) -> dict[str, str]:
    """Properties of Hadoop for a store's options.

    Args:
        options: As `storage.objects.store_options` gives them; without keys, S3A looks for some itself.
    """
    found = {
        "fs.s3a.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.attempts.maximum": "4",
        "fs.s3a.connection.establish.timeout": "5s",
    }
    if endpoint := options.get("AWS_ENDPOINT_URL"):
        found |= {
            "fs.s3a.endpoint": endpoint,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https://")).lower(),
        }
    if region := options.get("AWS_REGION"):
        found["fs.s3a.endpoint.region"] = region
    key, secret, token = (options.get(f"AWS_{n}") for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
    if key and secret:
        provider = "TemporaryAWSCredentialsProvider" if token else "SimpleAWSCredentialsProvider"
        found |= {
            "fs.s3a.access.key": key,
            "fs.s3a.secret.key": secret,
            "fs.s3a.aws.credentials.provider": _PROVIDERS + provider,
        }
        if token:
            found["fs.s3a.session.token"] = token
    return found
