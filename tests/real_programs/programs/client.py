"""Requests by Django's test client, as in a project's own tests."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

import django

django.setup()

from django.test import Client

client = Client(raise_request_exception=False)
print([client.get("/orders/7").status_code, client.get("/broken").status_code])
