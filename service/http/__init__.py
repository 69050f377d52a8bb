"""What every request and response passes through: ids, size bounds, rate limits, headers, problems."""
