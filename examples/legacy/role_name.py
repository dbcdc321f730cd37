"""Sets its cloud role name, hides card numbers and leaves health checks out, with telemetry processors."""
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer


def set_role(envelope):
    envelope.tags['ai.cloud.role'] = 'billing'
    envelope.tags['ai.cloud.roleInstance'] = 'billing-7'
    return True


def hide_card(envelope):
    properties = envelope.data.baseData.properties
    if 'card' in properties:
        properties['card'] = '**** ' + properties['card'][-4:]


def drop_health_checks(envelope):
    return envelope.data.baseData.name != 'health check'


exporter = AzureExporter()
exporter.add_telemetry_processor(set_role)
exporter.add_telemetry_processor(hide_card)
exporter.add_telemetry_processor(drop_health_checks)

tracer = Tracer(exporter=exporter, sampler=ProbabilitySampler(1.0))


def main():
    with tracer.span(name='health check'):
        pass
    with tracer.span(name='charge card') as span:
        span.add_attribute('card', '4111 1111 1111 1234')
        span.add_attribute('amount', 19.5)


if __name__ == '__main__':
    main()
