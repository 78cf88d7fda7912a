"""The sample: a seeded file of voucher uses with the shape, size and errors of the 2020 file."""
