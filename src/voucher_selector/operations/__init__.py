"""The logic of the commands, without click and rich.

Functions that call AWS raise botocore's ClientError if it refuses, and BotoCoreError if it does not answer.
"""
