"""Messages of Kafka topics to bronze, exactly once; silver and gold follow in small batches."""
