"""What is shown to people is looked at in a real browser."""
