"""What every answer passes, JSON or page: ids, bounds, limits, headers, problems."""
