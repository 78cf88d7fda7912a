"""The local stack: the template deployed to an AWS emulator, and a gateway to its API."""
