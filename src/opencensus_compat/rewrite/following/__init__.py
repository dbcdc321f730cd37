"""What names of a program mean, and where objects come from and go."""
