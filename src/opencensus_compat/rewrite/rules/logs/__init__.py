"""Log handlers, and the program's classes on them."""
