"""What every page shares: forms and their token, origin check, headers, throttle, cache, errors."""
