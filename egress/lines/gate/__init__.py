"""Whether at all, and by which call: `gate` judges by the tenant's `rules`, `planning` picks one of the `routes`."""
