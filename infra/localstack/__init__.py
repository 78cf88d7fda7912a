"""The stack in LocalStack: how it is started, and how the template is put for it."""
