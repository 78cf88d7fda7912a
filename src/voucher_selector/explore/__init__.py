"""Exploring a file of voucher uses: what the notebook's cells call, and the page that is made of it."""
