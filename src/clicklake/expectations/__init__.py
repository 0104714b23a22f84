"""What must hold of tables, told to Great Expectations; its package is not needed to write it."""
