"""The embedded stack: an emulator of AWS with the real template in it, and a gateway to its API."""
