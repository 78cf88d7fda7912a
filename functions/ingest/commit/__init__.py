"""The exactly-once commit to DynamoDB."""
