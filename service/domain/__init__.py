"""The words of the field, as values that know no library: numbers of cases, statuses, errors, keys of objects."""
