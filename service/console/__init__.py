"""Pages for people, rendered by this process: HTML forms that work without JavaScript.

To add a page:

1. A file in `pages/`: a `msgspec.Struct` that is all that the template shows, and a handler that is declared with
   `@page("name.html")`. It takes a `Visit` and returns the struct. An action is declared with `@post` and returns
   `Go(path, done="...")`, which is answered with 303. What it refuses it raises as a `Problem`, or as one of the
   exceptions of actions: a page says what to do.
2. A template in `templates/` that extends `base.html`. It sees `view` (the struct), `visit`, the functions of
   `framework/rendering.py` (`t`, `number`, `size`, `moment`, `href`), and the macros of `parts.html`.
3. Its texts in a table of its own in `languages/tables/`, which `languages/messages.py` collects.
4. A line in `routes.py`; views of it in `tests/support/console/`, one for each branch of its template; a row in
   `tests/acceptance/console/test_console_roles.py`.

A page asks the database at most six times, the session among them. A region that changes by itself is
`<section data-live="a-name">`: `static/console.js` fetches the page again and swaps these regions, when the stream
named by `data-events` of `<main>` says so, or at intervals.
"""
