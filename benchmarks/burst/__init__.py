"""Bursts of small uploads, measured on the emulator and simulated for AWS."""
