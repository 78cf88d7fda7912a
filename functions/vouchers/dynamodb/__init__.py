"""The two DynamoDB tables."""
