"""What the words of a prompt add to the answer that a language model writes."""
