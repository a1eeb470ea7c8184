"""The webhooks' public server: `POST /v1/webhooks/{secret}`, answered 200 only when Kafka has it.

`plan` decides what becomes of a body and `gate` who may come in, both pure; `intake` joins them with the producer and
is what any HTTP front calls; `server` is the aiohttp front; `service` runs it all.
"""
