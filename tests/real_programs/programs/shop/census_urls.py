import asyncio
import logging

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from opencensus.trace import execution_context

logger = logging.getLogger(__name__)


def reserve(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s AS number_%d" % ("%s", number), [number])
    logger.info("number %s reserved", number)


def order(request, number):
    with execution_context.get_opencensus_tracer().span("price %s" % number):
        reserve(number)
    if number % 10 == 0:
        raise LookupError("no stock for %s" % number)
    return HttpResponse("order %s" % number)


async def later(request, number):
    with execution_context.get_opencensus_tracer().span("price %s" % number):
        await asyncio.sleep(0)
        await sync_to_async(reserve)(number)
    if number % 10 == 0:
        raise LookupError("no stock for %s" % number)
    return HttpResponse("order %s" % number)


def parts(request, number):
    def each():
        yield "order "
        with execution_context.get_opencensus_tracer().span("price %s" % number):
            reserve(number)
        yield str(number)

    return StreamingHttpResponse(each())


def health(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'well'")
    return HttpResponse("well")


urlpatterns = [
    path("orders/<int:number>", order),
    path("later/<int:number>", later),
    path("parts/<int:number>", parts),
    path("health", health),
]
