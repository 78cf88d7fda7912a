"""The logic of the commands, without click and rich."""
