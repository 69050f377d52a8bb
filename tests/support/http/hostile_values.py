"""Parts of hostile requests."""

FORGED = 'x","event":"forged","level":"critical'
NUMBER = "0000123-06.2023.4.03.6100"  # a case that the simulated portal knows
METHODS = b"""GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT
    PROPFIND SEARCH get GETT G\x00T BREW M-SEARCH * \xff\xfe""".split()
ATOMS = (
    *b"""null true -0 1e400 -1e400 1e-400 9223372036854775808 -9223372036854775809 1e308 0x10 NaN Infinity 01 [] {}
    "" "\\u0000" "\\ud800" "\\udfff\\ud800" "\xff\xfe" "\xed\xa0\x80" "\xc0\x80" "\x00" "\\x41" 'single' "unfinished
    undefined "true" [,] {"a":{"b":[1,{"c":null}]}} "2026-01-01" "0001-01-01T00:00:00+14:00" "2026-13-45T99:99:99Z"
    "9999-12-31T23:59:59-14:00" "http://169.254.169.254/" "https://user:pw@10.0.0.1/" "javascript:alert(1)"
    "http://[::1]:1/\\r\\nX:1" "https://1.1.1.1/\\u0000" "https://1.1.1.1:99999/" "\\ud83d\\ude00" "\\u202e" "%00"
    """.split(),
    *(b"9" * 5000, b"1" + b"0" * 10_000, b'"' + b"A" * 5000 + b'"', b""),
)
MEMBERS = (
    *b"""webhook_url since test_payload process_number total_documents auto_download force process_numbers name role
    \\u0000 __proto__ \xff""".split(),
    *(b"x" * 3000, b""),
)
PIECES = (
    *b"""%00 %0d%0a %0d%0aX-Evil:%201 %2f %2e%2e%2f .. %252e %c0%af %ff % %zz %u0000 \xc3\xa9 \xff ;a=b ' " %22 \\ %5c |
    {} ~ %e2%80%ae 00000000-0000-0000-0000-000000000000 {00000000000000000000000000000000}
    %0a%7b%22event%22:%22forged%22%7d
    urn:uuid:00000000-0000-0000-0000-000000000000 -1 null // .""".split(),
    *(b"a" * 300, b"1" * 20, NUMBER.encode()),
)
PARAMETERS = (
    *b"""limit cursor status since job_id webhook_url auto_download force_refresh court updated_since has_documents \xff
    %00 limit[]""".split(),
    b"",
)
VALUES = (
    *b"""0 -1 1 201 1e9 true TRUE yes null %00 %ff%fe %ed%a0%80 %0d%0aX:1 2026-01-01T00:00:00Z %D9%A1 %2B1 1%20 failed
    0001-01-01T00:00:00%2B14:00 9999-12-31T23:59:59-14:00 %F0%9F%98%80 '%20OR%201=1-- http://127.0.0.1/ ftp://x""".split(),
    *(b"", b"9" * 400, b"a" * 3000),
)
MEDIA_TYPES = (
    *("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16"),
    *(
        "application/x-www-form-urlencoded",
        "",
        "application/",
        "application/json, text/html",
        "a" * 2000,
        "*/*",
    ),
    *("application/problem+json", "APPLICATION/JSON", "application/json;;;=", "\xff", "application/\x01json"),
)
HEADERS = (
    *(
        b"X: a\r\n b",
        b"X : 1",
        b" X: 1",
        b"X\x00: 1",
        b"X: \x00",
        b"X: a\rb",
        b"X: a\nY: b",
        b": 1",
        b"X",
        b"X:",
    ),
    *(b"Host: other", b"Content-Length: 0\r\nContent-Length: 0", b"X: \xff\xfe", b"X: " + b"a" * 20_000),
    *(
        b"Cookie: " + b"a=b; " * 2000,
        b"Expect: 100-continue",
        b"Expect: forged",
        b"Range: bytes=0-,0-,0-",
        b"Te: trailers",
    ),
    *(
        b"X-Forwarded-For: " + FORGED.encode(),
        b"Origin: null",
        b"Accept-Encoding: \x01",
        b"X-Http-Method-Override: DELETE",
    ),
)
CHUNKED = (
    *(
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n",
        b"fffffffffffffffff\r\n{}",
        b"2\r\n{}extra\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
    ),
    *(
        b"2;a=" + b"b" * 3000 + b"\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
        b"2\n{}\n0\n\n",
    ),
    *(
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nX\r\n\r\n",
    ),
)
