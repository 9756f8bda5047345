"""Generators that learn against a discriminator."""
