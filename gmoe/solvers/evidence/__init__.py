"""What is known of the end."""
