"""Campaigns as people submit them: a file of recipients becomes chunks, and one record that commits them."""
