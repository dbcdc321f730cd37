from app import tracer as handed  #: I007
