"""What clicklake costs: against a floor, against two peers, and at 200,000,000 rows."""
