from appinsights_exporter import configure
from opentelemetry import metrics
from opentelemetry.metrics import Observation


class Post:
    def __init__(self):
        self.letters = 3

    def sent(self):
        return self.letters


post = Post()
SENT = metrics.get_meter(__name__).create_observable_counter(
    "sent",
    [lambda options: [Observation(post.sent(), {"country": "de"})]],
    unit="1",
    description="letters that were sent",
)
configure(signals=["metrics"])
post.letters += 4
