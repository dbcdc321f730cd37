from types import SimpleNamespace

from django.http import HttpResponse
from django.urls import path


def order(request, number):
    return HttpResponse(f"order {number}")


def account(request):
    request.user = SimpleNamespace(pk=7, get_username=lambda: "anna")
    return HttpResponse("account")


def health(request):
    return HttpResponse("ok")


def broken(request):
    return HttpResponse("broken", status=500)


urlpatterns = [path("orders/<int:number>", order), path("account", account), path("health", health), path("broken", broken)]
