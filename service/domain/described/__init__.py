"""Types that say what they are: to readers of `/openapi.json`, and to people who gave a wrong value."""
