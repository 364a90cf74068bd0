"""Which of many ends."""
