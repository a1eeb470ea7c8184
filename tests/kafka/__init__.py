"""Tests on a genuine Kafka."""
