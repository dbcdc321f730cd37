"""Prints its spans, as the OpenCensus quickstart does."""
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(sampler=ProbabilitySampler(1.0))


def main():
    with tracer.span(name='hello') as span:
        span.add_attribute('planet', 'earth')
        with tracer.span(name='world'):
            pass


if __name__ == '__main__':
    main()
