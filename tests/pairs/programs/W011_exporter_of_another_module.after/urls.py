from django.http import HttpResponse
from django.urls import path


def order(request, number):
    return HttpResponse(f"order {number}")


def health(request):
    return HttpResponse("ok")


def broken(request):
    return HttpResponse("broken", status=500)


urlpatterns = [path("orders/<int:number>", order), path("health", health), path("broken", broken)]
