"""Orders to lines: `orders` makes the records by which somebody pauses and resumes them."""
