"""Response times of the API: in process, under Lambda's runtime client, and through the embedded stack."""
