"""Prices, served by FastAPI.

    python price_service.py [PORT [REQUESTS]]

It says where it listens, answers that many requests and exits.
"""
import logging
import socket
import sys

import uvicorn
from fastapi import FastAPI, HTTPException

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace import config_integration
from opencensus.trace.samplers import ProbabilitySampler

PRICES = {'kettle': 42.5, 'mug': 4.25}

config_integration.trace_integrations(['logging'])
logger = logging.getLogger('prices')
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())

app = FastAPI()
app.add_middleware(FastAPIMiddleware, exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))


@app.get('/prices/{sku}')
async def price(sku: str):
    if sku not in PRICES:
        raise HTTPException(404)
    logger.info('price of %s asked for', sku)
    return {'sku': sku, 'price': PRICES[sku]}


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8072
    requests = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    listening = socket.create_server(('127.0.0.1', port))
    print('listening on http://127.0.0.1:%d' % listening.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, limit_max_requests=requests))
    server.run(sockets=[listening])


if __name__ == '__main__':
    main()
