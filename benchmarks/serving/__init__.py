"""How fast requests are answered: in process, by Lambda's runtime client, and through the embedded stack."""
