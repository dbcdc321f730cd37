"""Orders as customers make them."""

from app import app

client = app.test_client()
client.get("/health")
for item, size, country in (("tea", 2, "de"), ("rice", 3, "fr"), ("salt", 11, "fr"), ("tea", 1, "de")):
    client.post(f"/orders/{item}?size={size}&country={country}")
