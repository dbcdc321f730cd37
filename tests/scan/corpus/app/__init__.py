from .telemetry import *  #: I008
