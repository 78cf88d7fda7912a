"""The sample: a seeded file of voucher uses in the shape, size and dirt of the 2020 file."""
