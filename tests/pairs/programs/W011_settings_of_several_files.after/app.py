from wsgiref.util import setup_testing_defaults

from wsgi import application

for path in ("/orders/7", "/health", "/nothing", "/broken", "/account"):
    environ = {"PATH_INFO": path, "HTTP_USER_AGENT": "probe"}
    setup_testing_defaults(environ)
    answer = application(environ, lambda status, headers: None)
    for part in answer:
        print(part.decode())
    answer.close()
