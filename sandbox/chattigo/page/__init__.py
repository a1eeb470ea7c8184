"""The sandbox's page: phones of the customers, what Chattigo received, and everything that can be turned.

Owns the page and the two routes that it alone needs. Leaves to `control` all that the page does: it calls the same
routes as a test or a person with curl.
"""
