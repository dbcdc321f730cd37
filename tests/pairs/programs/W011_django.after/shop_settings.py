SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
SHARE = 1

MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
]
