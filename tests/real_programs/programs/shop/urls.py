import logging

from django.http import HttpResponse
from django.urls import path

logger = logging.getLogger(__name__)


def order(request, number):
    logger.info("order %s shown", number, extra={"custom_dimensions": {"order": number}})
    return HttpResponse("order %s" % number)


def broken(request):
    raise LookupError("no such order")


urlpatterns = [path("orders/<int:number>", order), path("broken", broken)]
