"""What ``census-compat local`` does, one module for each thing: only these print, and none of them parses arguments."""
