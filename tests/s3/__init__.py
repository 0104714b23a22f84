"""The lake and its sources on a real S3 server. `make test-s3` installs one (versitygw) and runs this."""
