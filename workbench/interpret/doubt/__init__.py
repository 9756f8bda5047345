"""What a person may ask of an explanation before believing it: a second opinion, and whether it sees the weights."""
