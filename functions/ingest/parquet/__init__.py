"""What is looked at before Arrow is let at a file, so that a hostile one ends in a sentence."""
