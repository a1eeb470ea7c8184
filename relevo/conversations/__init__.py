"""Conversations as a person at the command line sees them, and the orders that they are given."""
