"""The example of docs/store.md, with what the text below it says that it needs; and lines that the test can read.

    journey.py PORT
"""

import builtins
import io, json, fastavro, redis
import sys

r = redis.Redis(port=int(sys.argv[1]))


def print(it):
    builtins.print(json.dumps(it, default=str))


# <example>
