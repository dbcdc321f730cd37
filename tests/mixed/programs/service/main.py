"""The service: answers three orders at the same time, two of which belong to traces of their callers.

Prints what the warehouse, which it calls, read in the requests that it got.
"""
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import telemetry  # noqa: F401
import web

ORDERS = {
    'kettle': {'traceparent': '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'},
    'teapot': {'traceparent': '00-6e0c63257de34c92bf9efcd03927272e-53995c3f42cd8ad8-01'},
    'cup': {},
}


class Warehouse(BaseHTTPRequestHandler):
    seen = {}

    def do_GET(self):
        self.seen[self.path] = self.headers.get('traceparent')
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')

    def log_message(self, *args):
        pass


def main():
    warehouse = ThreadingHTTPServer(('127.0.0.1', 0), Warehouse)
    threading.Thread(target=warehouse.serve_forever, args=(0.01,), daemon=True).start()
    url = 'http://127.0.0.1:%d' % warehouse.server_port
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda order: web.handle(order[0], order[1], url), ORDERS.items()))
    warehouse.shutdown()
    warehouse.server_close()
    print(json.dumps(Warehouse.seen))


if __name__ == '__main__':
    main()
