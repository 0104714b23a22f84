"""How a lake and rows look in a notebook: HTML that fits a light page and a dark one."""
