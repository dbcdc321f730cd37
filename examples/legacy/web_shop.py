"""A shop on Flask. What is in stock is in a database, and what it costs another service knows.

    python web_shop.py [PORT [REQUESTS [PRICES]]]

It says where it listens, answers that many requests and exits.
"""
import logging
import sys

import requests
from flask import Flask, abort, jsonify
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from werkzeug.serving import make_server

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace import config_integration
from opencensus.trace.samplers import ProbabilitySampler

engine = create_engine('sqlite://', poolclass=StaticPool, connect_args={'check_same_thread': False})
with engine.begin() as connection:
    connection.execute(text('CREATE TABLE stock (sku TEXT, pieces INTEGER)'))
    connection.execute(text("INSERT INTO stock VALUES ('kettle', 7)"))

config_integration.trace_integrations(['logging', 'requests', 'sqlalchemy'])
logging.getLogger('werkzeug').setLevel(logging.ERROR)
logger = logging.getLogger('shop')
logger.addHandler(AzureLogHandler())

app = Flask(__name__)
app.config['PRICES'] = sys.argv[3] if len(sys.argv) > 3 else 'http://127.0.0.1:8072'
middleware = FlaskMiddleware(app, exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))


@app.route('/goods/<sku>')
def goods(sku):
    with engine.connect() as connection:
        found = connection.execute(text('SELECT pieces FROM stock WHERE sku = :sku'), {'sku': sku}).fetchone()
    if found is None:
        logger.warning('nobody sells %s', sku)
        abort(404)
    answer = requests.get(app.config['PRICES'] + '/prices/' + sku, timeout=10)
    return jsonify(sku=sku, pieces=found[0], price=answer.json()['price'])


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8073
    requests_to_answer = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    server = make_server('127.0.0.1', port, app)
    print('listening on http://127.0.0.1:%d' % server.server_port, flush=True)
    for _ in range(requests_to_answer):
        server.handle_request()
    server.server_close()


if __name__ == '__main__':
    main()
