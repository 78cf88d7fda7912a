"""What becomes of very many small uploads at once: measured on the embedded stack, simulated beyond."""
