"""Logging as Django projects configure it, with a dictionary, and with the ids of the trace in the format."""
import logging
import logging.config
import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'formatters': {
        'brief': {'format': '%(levelname)s %(name)s: %(message)s'},
        'traced': {'format': '%(levelname)-7s %(traceId)s %(message)s'},
    },
    'handlers': {
        'azure': {
            'class': 'opencensus.ext.azure.log_exporter.AzureLogHandler',
            'level': 'INFO',
            'formatter': 'brief',
        },
        'console': {
            'class': 'logging.StreamHandler',
            'level': 'DEBUG',
            'formatter': 'traced',
            'stream': sys.stdout,
        },
    },
    'loggers': {
        'shop': {'handlers': ['azure', 'console'], 'level': 'DEBUG', 'propagate': False},
    },
}

config_integration.trace_integrations(['logging'])
logging.config.dictConfig(LOGGING)
logger = logging.getLogger('shop.catalogue')
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def main():
    with tracer.span(name='rebuild catalogue'):
        logger.debug('this line is for the console only')
        logger.info('%d products', 2)
        with tracer.span(name='load pictures'):
            logger.warning('no picture of %s', 'teapot', extra={'custom_dimensions': {'sku': 'teapot'}})


if __name__ == '__main__':
    main()
